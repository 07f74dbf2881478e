package tokenhttp_test

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"testing"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// A proxy may pass a path on as it came, decoded, or decoded and cleaned (nginx
// with a path in its proxy_pass). What that makes of an id is at worst no
// workspace's.
func TestAProxyThatChangesPathsMakesNoWorkspaceOfAnother(t *testing.T) {
	key := newKey(t)
	registry := provisionhook.NewRegistry()
	registry.Register(newTenants())
	h := newHandler(t, key, tokenhttp.PerWorkspace(registry), &tokenhttp.Options{Admit: everyone})
	for how, server := range map[string]*httptest.Server{"a mux": serve(t, h), "the handler alone": serveDirectly(t, h)} {
		target, err := url.Parse(server.URL)
		require.NoError(t, err)
		for name, changed := range map[string]func(*url.URL){
			"as it came": func(*url.URL) {},
			"decoded":    func(u *url.URL) { u.RawPath = "" },
			"cleaned":    func(u *url.URL) { u.RawPath, u.Path = "", path.Clean(u.Path) },
		} {
			proxy := serveDirectly(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				changed(r.Out.URL)
			}})
			m, err := h.Mutator(tokenhttp.MutatorOptions{BaseURL: proxy.URL, Key: key})
			require.NoError(t, err)
			for _, id := range []string{
				"ws-1", "ws%1", "a+b", "team/ws-1", "../ws-1", "ws-2/../ws-1", "a%2Fb", "x/..", "//", "a/token",
			} {
				env := map[string]string{}
				require.NoError(t, m.MutateEnv(t.Context(), id, env))
				token, _, err := (&tokenhttp.Client{
					URL: env[tokenhttp.EnvURL], Bearer: tokenprovider.Static(env[tokenhttp.EnvBearer]),
				}).Token(t.Context())
				where := []any{"%q through a proxy to %s, %s", id, how, name}
				if name == "as it came" || id == "ws-1" || id == "ws%1" || id == "a+b" {
					require.NoError(t, err, where...)
				}
				if err == nil {
					require.Equal(t, id+"-token-1", token, where...)
					continue
				}
				require.Contains(t, []tokenprovider.Code{
					tokenprovider.CodeForbidden, tokenprovider.CodeNotFound,
					tokenprovider.CodeUnavailable, // a redirect of the mux's, which nobody follows
				}, tokenprovider.CodeOf(err), where...)
			}
		}
	}
}
