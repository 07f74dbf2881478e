package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// anyone is an Authenticator that takes every request for one workspace's.
type anyone struct{}

func (anyone) Authenticate(*http.Request) (tokenhttp.Principal, error) {
	return tokenhttp.Principal{WorkspaceID: "ws-1"}, nil
}

// sent is a forge that notes what it is asked for.
type sent struct{ to *url.URL }

func (s *sent) RoundTrip(r *http.Request) (*http.Response, error) {
	s.to = r.URL
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// FuzzPath looks for a path of which the policy is asked something else than the
// forge gets.
func FuzzPath(f *testing.F) {
	for _, path := range []string{
		"/acme/widgets.git/info/refs?service=git-upload-pack",
		"/acme/widgets/info/refs?service=git-receive-pack",
		"/Acme/Widgets.git/info/lfs/locks?path=a%2fb",
		"/api/v3/repos/acme/widgets/contents/a%2Fb?ref=main",
		"/api/v3/repos/acme/../evil/x", "/api/v3/repos/acme/%2e%2e/evil", "/api/v3/repos/acme%2Fwidgets",
		"/api/uploads/repos/acme/widgets/releases/1/assets?name=x", "/api/v3/", "/api/v3/meta", "/api/graphql",
		"//api/v3/user", "/api/v3/%2e", "/%61pi/v3/app", "/acme/widgets.git/..%2f../evil/x.git/info/refs?service=git-upload-pack",
	} {
		f.Add("GET", path)
	}
	f.Add("DELETE", "/api/v3/installation/token")
	hub, err := forge.GitHub("")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, method, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || strings.ContainsAny(method, " \r\n") || method == "" {
			return
		}
		var asked gateway.Operation
		reached := &sent{}
		gw, err := gateway.New(gateway.Options{
			BaseURL: "https://gateway.test", Forge: hub, Auth: anyone{}, Transport: reached,
			Policy: func(_ context.Context, _ tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
				asked = op
				return gateway.Grant{Provider: tokenprovider.Static("ghs_token")}, nil
			},
		})
		require.NoError(t, err)
		r := (&http.Request{
			Method: method, URL: u, Host: "gateway.test", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
			Header: http.Header{"Authorization": {"Bearer x"}, "Content-Type": {"application/x-git-upload-pack-request"}},
		}).WithContext(t.Context())
		gw.ServeHTTP(httptest.NewRecorder(), r)
		if reached.to == nil {
			return
		}
		path := strings.ToLower(reached.to.Path)
		require.Contains(t, []string{"github.com", "api.github.com", "uploads.github.com"}, reached.to.Host)
		require.NotContains(t, path, "..;")
		require.NotContains(t, path, "/../")
		require.NotContains(t, path+"/", "/./")
		require.False(t, strings.HasPrefix(path, "/app") || strings.HasPrefix(path, "/login") || strings.HasPrefix(path, "/installation/token"))
		repository := asked.Repository
		switch {
		case asked.Kind != gateway.KindAPI:
			require.Equal(t, "github.com", reached.to.Host)
			require.True(t, strings.HasPrefix(path, "/"+repository+"/") || strings.HasPrefix(path, "/"+repository+".git/"), path)
		case strings.HasPrefix(path, "/repos/"):
			rest := strings.TrimPrefix(path, "/repos/")
			require.True(t, rest == repository || rest == repository+".git" ||
				strings.HasPrefix(rest, repository+"/") || strings.HasPrefix(rest, repository+".git/"), path)
		}
		require.Equal(t, asked.Method, method)
	})
}
