package tokenhttp_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// serveDirectly starts a real server of h without a mux.
func serveDirectly(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

// strangeIDs are ids that a careless reader of URLs takes for another one.
var strangeIDs = []string{
	"ws-1", "a/b", "a%2Fb", "..", ".", "../ws-1", "ws-1/../ws-2", "a b", "a+b", "a%b", "a?b", "a#b",
	"a;b", "a=b&c", "日本", "é", "e\u0301", "ws-1\x00", "{id}", "WS-1",
	"a\\b", "//", "%2e%2e", "token", strings.Repeat("x", 500),
}

func TestAnIDIsComparedExactlyHoweverItIsWritten(t *testing.T) {
	key := newKey(t)
	h := newHandler(t, key, fixed(tokenprovider.Static(tokenSecret)), nil)
	for where, server := range map[string]*httptest.Server{
		"under a mux":    serve(t, h),
		"directly":       serveDirectly(t, h),
		"below a prefix": serveDirectly(t, http.StripPrefix("/api/v1", h)),
	} {
		prefix := ""
		if where == "below a prefix" {
			prefix = "/api/v1"
		}
		for _, mine := range strangeIDs {
			bearer := issue(t, key, mine)
			for _, asked := range strangeIDs {
				path := prefix + "/workspaces/" + escapeAll(asked) + "/token"
				want := 403
				if asked == mine {
					want = 200
				}
				require.Equal(t, want, ask(t, server, "GET", path, bearer).status,
					"%s: %q asks for %q", where, mine, asked)
			}
		}
	}
}

// escapeAll escapes every byte of id: a path that no program on the way can
// mistake for another.
func escapeAll(id string) string {
	var b strings.Builder
	for i := range len(id) {
		b.WriteString("%" + strings.ToUpper(string("0123456789abcdef"[id[i]>>4])+string("0123456789abcdef"[id[i]&15])))
	}
	return b.String()
}

func TestIdentityComesFromOneBearerAlone(t *testing.T) {
	key := newKey(t)
	bearer := issue(t, key, "ws-1")
	server := serve(t, newHandler(t, key, fixed(tokenprovider.Static(tokenSecret)), nil))
	set := func(pairs ...string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Del("Authorization")
			for i := 0; i < len(pairs); i += 2 {
				r.Header.Add(pairs[i], pairs[i+1])
			}
		}
	}
	for name, headers := range map[string]func(*http.Request){
		"the scheme in lower case": set("Authorization", "bearer "+bearer),
		"two spaces":               set("Authorization", "Bearer  "+bearer),
	} {
		require.Equal(t, 200, ask(t, server, "GET", "/workspaces/ws-1/token", "", headers).status, name)
	}
	for name, headers := range map[string]func(*http.Request){
		"none":                   set(),
		"empty":                  set("Authorization", ""),
		"the scheme alone":       set("Authorization", "Bearer"),
		"the scheme and a space": set("Authorization", "Bearer "),
		"no scheme":              set("Authorization", bearer),
		"Basic":                  set("Authorization", "Basic "+bearer),
		"no space":               set("Authorization", "Bearer"+bearer),
		"a tab":                  set("Authorization", "Bearer\t"+bearer),
		"two in one":             set("Authorization", "Bearer "+bearer+", Bearer "+bearer),
		"two headers": set("Authorization", "Bearer "+bearer, "Authorization",
			"Bearer "+bearer),
		"an empty one beside": set("Authorization", "Bearer "+bearer, "Authorization", ""),
		"an administrator beside": set("Authorization", "Bearer "+bearer, "Authorization",
			"Bearer "+adminSecret),
		"parameters":     set("Authorization", `Bearer token="`+bearer+`"`),
		"more after it":  set("Authorization", "Bearer "+bearer+" x"),
		"very long":      set("Authorization", "Bearer "+strings.Repeat("x", 100_000)),
		"another header": set("X-Authorization", "Bearer "+bearer),
		"a proxy's":      set("Proxy-Authorization", "Bearer "+bearer),
		"a cookie":       set("Cookie", "Authorization=Bearer "+bearer),
		"Origin and Referer": set("Origin", server.URL, "Referer", server.URL+"/admin", "Host",
			"localhost", "X-Forwarded-For", "127.0.0.1"),
		"a workspace header": set("X-Workspace-Id", "ws-1"),
	} {
		got := ask(t, server, "GET", "/workspaces/ws-1/token", "", headers)
		require.Equal(t, 401, got.status, name)
		require.Equal(t, "Bearer", got.header.Get("WWW-Authenticate"), name)
	}
	require.Equal(t, 401,
		ask(t, server, "GET", "/workspaces/ws-1/token?access_token="+url.QueryEscape(bearer), "").status,
		"a bearer in the URL")
	require.Equal(t, 401, ask(t, server, "GET", "/workspaces/ws-1/token", "", func(r *http.Request) {
		r.SetBasicAuth("Bearer", bearer)
	}).status, "Basic authentication")
	require.Equal(t, 403,
		ask(t, server, "GET", "/workspaces/ws-2/token?id=ws-1&workspace_id=ws-1", bearer,
			withHeader("Referer", server.URL)).status)
}

// FuzzPath holds the handler to one promise for every path: a token comes only
// for the exact id, fully unescaped.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{
		"/workspaces/ws-1/token", "/workspaces/ws%2d1/token", "/workspaces//token",
		"/workspaces/ws-1%2f..%2fws-2/token", "/%77orkspaces/ws-1/token",
		"/workspaces/ws-1/%74oken", "//", "%", "/workspaces/\xff/token",
	} {
		f.Add(seed)
	}
	h, err := tokenhttp.NewHandler(fixed(tokenprovider.Static(tokenSecret)), authFunc(func(*http.Request) (tokenhttp.Principal, error) {
		return tokenhttp.Principal{WorkspaceID: "ws-1"}, nil
	}), nil)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, &http.Request{Method: "GET", URL: u, Header: http.Header{}})
		if w.Code == 200 {
			require.Contains(t,
				[]string{"/workspaces/ws-1/token", "/workspaces/ws-1/github-installation-token"},
				u.Path)
		}
	})
}
