package workloadid_test

import (
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

const consumer = `package main

import (
	"context"
	"fmt"

	"github.com/molecule-ai/provisionkit/tokenprovider/workloadid"
)

func main() {
	_, err := workloadid.OIDC(context.Background(), workloadid.OIDCOptions{
		Issuer: "http://127.0.0.1:1", Audience: "platform", Rule: workloadid.Claim("owner", "acme"),
		Workspace: func(claims map[string]any) (string, error) { return workloadid.Text(claims, "sub") },
	})
	fmt.Println(err)
}
`

// It has this module and the one that it needs as they are published.
func TestAModuleOutsideUsesTheAuthenticators(t *testing.T) {
	proxy, path := testutil.PublishNested(t)
	require.Equal(t, "github.com/molecule-ai/provisionkit/tokenprovider/workloadid", path)
	require.Equal(t, "<nil>\n", proxy.RunConsumer(t, path, consumer), "an issuer that is down is no error")
}
