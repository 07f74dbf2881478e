package redisstore_test

import (
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

const consumer = `package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/redisstore"
	"github.com/redis/go-redis/v9"
)

func main() {
	store := redisstore.New(redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1}), nil)
	shared, err := tokenprovider.NewShared(tokenprovider.Static("a token"), store, tokenprovider.SharedOptions{
		Key: "key", SealKeys: [][]byte{bytes.Repeat([]byte("k"), 32)},
	})
	if err != nil {
		panic(err)
	}
	token, _, err := shared.Token(context.Background())
	fmt.Println(token, err)
}
`

// It has this module and the one that it needs as they are published.
func TestAModuleOutsideUsesTheStore(t *testing.T) {
	proxy, path := testutil.PublishNested(t)
	require.Equal(t, "github.com/molecule-ai/provisionkit/tokenprovider/redisstore", path)
	require.Equal(t, "a token <nil>\n", proxy.RunConsumer(t, path, consumer),
		"a store that is down costs no token")
}
