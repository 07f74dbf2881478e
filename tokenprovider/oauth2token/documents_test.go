//go:build unix

package oauth2token_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func TestWhoFollowsTheGuideForPlatformEngineersSeesWhatItShows(t *testing.T) {
	proxy, _ := testutil.PublishNested(t)
	doctest.Follow(t, "docs/platform-engineers.md", doctest.Options{
		Root: filepath.Join("..", ".."), With: "tokenprovider/oauth2token", Proxy: proxy,
	})
}

// The tests run what the guide shows.
func TestTheGuideShowsWhatTheTestsRun(t *testing.T) {
	doctest.RequireSource(t, filepath.Join("..", "..", "docs", "platform-engineers.md"), "guide_test.go", "actas")
}

func TestWhoSignsInAsTheGuideShowsIsActedFor(t *testing.T) {
	f := newForge(t)
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	config := AtGitLab(clientID, clientSecret)
	require.Equal(t, "https://gitlab.com/oauth/token", config.Endpoint.TokenURL)
	config.Endpoint.TokenURL = server.URL
	users, err := Users(config, tokenprovidertest.NewStore(), sealKeys[0])
	require.NoError(t, err)
	page := SignIn(config, users, func(*http.Request) string { return "ann" })

	begun := httptest.NewRecorder()
	page.ServeHTTP(begun, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/sign-in", http.NoBody))
	require.Equal(t, http.StatusFound, begun.Code)
	to, err := url.Parse(begun.Header().Get("Location"))
	require.NoError(t, err)
	require.Equal(t, "S256", to.Query().Get("code_challenge_method"))

	back := func(query string, cookie bool) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/sign-in/back?"+query, http.NoBody)
		if cookie {
			r.AddCookie(begun.Result().Cookies()[0])
		}
		w := httptest.NewRecorder()
		page.ServeHTTP(w, r)
		return w
	}
	require.Equal(t, http.StatusBadRequest, back("code=1&state="+to.Query().Get("state"), false).Code)
	require.Equal(t, http.StatusBadRequest, back("code=1&state=another", true).Code)
	refused := back("code=1&state="+to.Query().Get("state"), true)
	require.Equal(t, http.StatusBadGateway, refused.Code)
	require.NotContains(t, refused.Body.String(), "invalid_grant")
	brought := f.signIn("ann")
	f.on(answering(200, nil, `{"access_token":"`+brought.AccessToken+`","refresh_token":"`+brought.RefreshToken+`","token_type":"bearer","expires_in":7200}`), nil)
	require.Equal(t, http.StatusSeeOther, back("code=1&state="+to.Query().Get("state"), true).Code)
	require.Equal(t, brought.AccessToken, f.token(t, users.User("ann")))

	key, err := tokenhttp.NewWorkspaceKey([]byte("a key for tests, of no less than 32 bytes"))
	require.NoError(t, err)
	registry := provisionhook.NewRegistry()
	registry.Register(users)
	endpoint, err := Endpoint(registry, key, func(string) string { return "ann" })
	require.NoError(t, err)
	bearer, err := key.Issue("ws-1", 1<<40)
	require.NoError(t, err)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/workspaces/ws-1/token", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+bearer)
	w := httptest.NewRecorder()
	endpoint.ServeHTTP(w, r)
	require.Contains(t, w.Body.String(), brought.AccessToken)
	require.Contains(t, w.Body.String(), `"username":"oauth2"`)
}
