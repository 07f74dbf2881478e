package tokenhttp_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// tokenOf returns the token in a 200.
func tokenOf(t testing.TB, got answer) string {
	t.Helper()
	require.Equal(t, 200, got.status, got.body)
	var body struct{ Token string }
	require.NoError(t, json.Unmarshal([]byte(got.body), &body))
	return body.Token
}

func TestFirstProviderGivesEveryoneTheSameToken(t *testing.T) {
	key := newKey(t)
	registry := provisionhook.NewRegistry()
	server := serve(t, newHandler(t, key, tokenhttp.FirstProvider(registry), nil))
	require.Equal(t, 404,
		ask(t, server, "GET", "/workspaces/ws-1/token", issue(t, key, "ws-1")).status)

	// later than the handler
	registry.Register(newTenants(), plugin{tokenprovider.NewCache(&issuer{}, nil)})
	for _, id := range []string{"ws-1", "ws-2"} {
		require.Equal(t, "token-1",
			tokenOf(t, ask(t, server, "GET", workspacePath(id), issue(t, key, id))))
		require.Equal(t, "token-1", tokenOf(t, ask(t, server, "GET", workspacePath(id), adminSecret)))
	}
	require.Equal(t, "token-1",
		tokenOf(t, ask(t, server, "GET", "/admin/github-installation-token", adminSecret)))
}

func TestPerWorkspaceGivesEachItsOwnTokenAndNeverTheSharedOne(t *testing.T) {
	key := newKey(t)
	registry := provisionhook.NewRegistry()
	registry.Register(plugin{tokenprovider.Static("shared-token")})
	server := serve(t, newHandler(t, key, tokenhttp.PerWorkspace(registry), nil))
	got := ask(t, server, "GET", "/workspaces/ws-1/token", issue(t, key, "ws-1"))
	require.Equal(t, 404, got.status, "without a WorkspaceTokenProvider there is nothing to hand out")
	require.NotContains(t, got.body, "shared-token")

	registry.Register(provisionhook.Timeout(newTenants(), time.Minute)) // found through its wrapper
	for _, id := range []string{"ws-1", "ws-2"} {
		require.Equal(t, id+"-token-1",
			tokenOf(t, ask(t, server, "GET", workspacePath(id), issue(t, key, id))))
		require.Equal(t, id+"-token-1",
			tokenOf(t, ask(t, server, "GET", workspacePath(id), adminSecret)),
			"an administrator asks about a workspace")
	}
	require.Equal(t, 403,
		ask(t, server, "GET", "/workspaces/ws-2/token", issue(t, key, "ws-1")).status)
	require.Equal(t, 403,
		ask(t, server, "GET", "/workspaces/ws-1/token", issue(t, key, "ws-2")).status)
	require.Equal(t, "shared-token",
		tokenOf(t, ask(t, server, "GET", "/admin/github-installation-token", adminSecret)))

	got = ask(t, server, "GET", "/workspaces/unknown/token", issue(t, key, "unknown"))
	require.Equal(t, 500, got.status)
	require.Contains(t, got.body, `"code":"not_found"`)

	_, err := tokenhttp.PerWorkspace(registry)(t.Context(), tokenhttp.Principal{})
	require.ErrorIs(t, err, tokenhttp.ErrForbidden, "nobody gets nothing")
}

func TestMinTTLReachesTheProvider(t *testing.T) {
	key := newKey(t)
	var asked time.Duration
	server := serve(t, newHandler(t, key, fixed(tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
		asked = tokenprovider.MinTTL(ctx)
		return tokenSecret, time.Time{}, nil
	})), nil))
	for query, want := range map[string]time.Duration{
		"": 0, "?min_ttl=0s": 0, "?min_ttl=10m": 10 * time.Minute,
		"?min_ttl=30m1s":   30 * time.Minute,
		"?min_ttl=1h30m0s": 30 * time.Minute, "?other=x": 0,
	} {
		tokenOf(t, ask(t, server, "GET", "/workspaces/ws-1/token"+query, issue(t, key, "ws-1")))
		require.Equal(t, want, asked, query)
	}
}
