package tokenhttp_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

// platformPlugin is a mutator whose tokens a cache keeps fresh, as a plugin's
// are on a platform.
type platformPlugin struct{ *tokenprovider.Cache }

func (platformPlugin) Name() string                                               { return "plugin" }
func (platformPlugin) MutateEnv(context.Context, string, map[string]string) error { return nil }

// endpointClient returns a client of a real endpoint, which has a real cache
// behind it.
func endpointClient(t *testing.T, settle time.Duration) *tokenhttp.Client {
	t.Helper()
	var minted atomic.Int64
	tokens := tokenprovider.NewCache(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
		return fmt.Sprintf("token-of-the-platform-%d", minted.Add(1)), time.Now().Add(time.Hour), nil
	}), &tokenprovider.CacheOptions{Settle: settle})
	reg := provisionhook.NewRegistry()
	reg.Register(platformPlugin{tokens})
	key, err := tokenhttp.NewWorkspaceKey(make([]byte, 32))
	require.NoError(t, err)
	handler, err := tokenhttp.NewHandler(tokenhttp.FirstProvider(reg), key, nil)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	bearer, err := key.Issue("ws-1", time.Hour)
	require.NoError(t, err)
	return &tokenhttp.Client{
		URL: server.URL + "/workspaces/ws-1/token", Bearer: tokenprovider.Static(bearer),
		HTTPClient: server.Client(),
	}
}

func TestAClientOfARealEndpointIsATokenProvider(t *testing.T) {
	for name, settle := range map[string]time.Duration{
		"young tokens aren't judged": 0, "any token may be refused": -1,
	} {
		t.Run(name, func(t *testing.T) {
			t.Run("Client", func(t *testing.T) {
				tokenprovidertest.Run(t,
					func(t *testing.T) tokenprovider.TokenProvider { return endpointClient(t, settle) })
			})
			t.Run("Cache over Client", func(t *testing.T) {
				tokenprovidertest.Run(t, func(t *testing.T) tokenprovider.TokenProvider {
					return tokenprovider.NewCache(endpointClient(t, settle),
						&tokenprovider.CacheOptions{Settle: settle})
				})
			})
		})
	}
}
