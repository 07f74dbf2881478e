package oauth2token_test

import (
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

const consumer = `package main

import (
	"context"
	"fmt"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/oauth2token"
	"golang.org/x/oauth2"
)

func main() {
	source := oauth2token.TokenSource(tokenprovider.Static("token"))
	token, _, err := oauth2token.FromTokenSource(source).Token(context.Background())
	fmt.Println(token, err)
	_, err = oauth2token.New(&oauth2.Config{}, nil, "", oauth2token.Options{})
	fmt.Println(err)
}
`

// It has this module and the one that it needs as they are published.
func TestAModuleOutsideActsAsUsers(t *testing.T) {
	proxy, path := testutil.PublishNested(t)
	require.Equal(t, "github.com/molecule-ai/provisionkit/tokenprovider/oauth2token", path)
	require.Equal(t, "token <nil>\noauth2token: oauth2.Config.ClientID is empty\n", proxy.RunConsumer(t, path, consumer))
}
