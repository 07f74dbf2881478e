package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/stretchr/testify/require"
)

func TestAURLOfTheForgeIsKnownInEachOfItsForms(t *testing.T) {
	for from, to := range map[string]string{
		"https://github.com/acme/widgets.git/info/lfs/x":               "https://gateway.test/acme/widgets.git/info/lfs/x",
		"https://github.com:443/acme/widgets.git/info/lfs/x?a=https:/": "https://gateway.test/acme/widgets.git/info/lfs/x?a=https:/",
		"https://github.com:/acme/widgets":                             "https://gateway.test/acme/widgets",
		"HTTPS://GitHub.COM:443":                                       "https://gateway.test",
		"https://github.com:443?x=y":                                   "https://gateway.test?x=y",
		"https://api.github.com:443/repos/acme/widgets/x":              "https://gateway.test/api/v3/repos/acme/widgets/x",
		"https://api.github.com:443/graphql":                           "https://gateway.test/api/graphql",
		"https://uploads.github.com:443/repos/a/b{?name,label}":        "https://gateway.test/api/uploads/repos/a/b{?name,label}",

		"https://github.com:444/acme/widgets":               "",
		"https://github.com:4430/acme/widgets":              "",
		"https://github.com.evil.test:443/acme":             "",
		"https://evil.test/https://github.com:443/":         "",
		"https://github-cloud.s3.amazonaws.com:443/x?sig=y": "",
		"http://github.com:443/acme":                        "",
		"://":                                               "",
	} {
		if to == "" {
			to = from
		}
		var body string
		g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
			o.Transport = trip(func(r *http.Request) (*http.Response, error) {
				header := http.Header{"Location": {from}, "Link": {"<" + from + `>; rel="next", <` + from + `>; rel="last"`}}
				return &http.Response{StatusCode: 200, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r, ContentLength: -1}, nil
			})
		})
		ask := func(method, path, answer string) *httptest.ResponseRecorder {
			body = answer
			got := httptest.NewRecorder()
			g.ServeHTTP(got, newRequest(t, method, path, bearer, strings.NewReader(`{"operation":"download"}`)))
			require.Equal(t, 200, got.Code, got.Body)
			return got
		}
		quote := func(text string) string { quoted, _ := json.Marshal(text); return string(quoted) }
		got := ask("POST", "/acme/widgets.git/info/lfs/objects/batch", `{"objects":[{"actions":{"download":{"href":`+quote(from)+`,"header":{"Authorization":"x"}}}}]}`)
		want := `{"objects":[{"actions":{"download":{"href":` + quote(to) + `,"header":{}}}}]}`
		if from == to {
			want = strings.Replace(want, `{}`, `{"Authorization":"x"}`, 1)
		}
		require.JSONEq(t, want, got.Body.String(), from)
		got = ask("POST", "/api/v3/repos/acme/widgets/releases", `{"upload_url":`+quote(from)+`}`)
		require.JSONEq(t, `{"upload_url":`+quote(to)+`}`, got.Body.String(), from)
		require.Equal(t, to, got.Header().Get("Location"))
		require.Equal(t, "<"+to+`>; rel="next", <`+to+`>; rel="last"`, got.Header().Get("Link"))
	}
}

func TestALocationThatIsRelativeMeansTheForge(t *testing.T) {
	for _, c := range []struct{ path, location, to string }{
		{"/api/v3/user", "/repositories/5", "https://gateway.test/api/v3/repositories/5"},
		{"/api/v3/user", "emails?page=2", "https://gateway.test/api/v3/emails?page=2"},
		{"/api/v3/user", "//github.com/acme/widgets", "https://gateway.test/acme/widgets"},
		{"/api/v3/user", "//evil.test/acme", "https://evil.test/acme"},
		{"/acme/widgets.git/info/refs?service=git-upload-pack", "/acme/new.git/info/refs?service=git-upload-pack",
			"https://gateway.test/acme/new.git/info/refs?service=git-upload-pack"},
	} {
		g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
			o.Transport = trip(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 301, Header: http.Header{"Location": {c.location}}, Body: http.NoBody, Request: r}, nil
			})
		})
		got := httptest.NewRecorder()
		g.ServeHTTP(got, newRequest(t, "GET", c.path, bearer, nil))
		require.Equal(t, c.to, got.Header().Get("Location"))
	}
}

func TestTheDefaultPortOfAForgeIsNoOtherForge(t *testing.T) {
	for baseURL, reached := range map[string]string{
		"https://api.github.com:443":        "https://api.github.com/user",
		"https://api.acme.ghe.com:443":      "https://api.acme.ghe.com/user",
		"https://HUB.example:443/api/v3":    "https://hub.example/api/v3/user",
		"https://hub.example:8443/api/v3":   "https://hub.example:8443/api/v3/user",
		"http://127.0.0.1:80/api/v3":        "http://127.0.0.1/api/v3/user",
		"https://[2001:db8::1]:443/api/v3/": "https://[2001:db8::1]/api/v3/user",
	} {
		hub, err := forge.GitHub(baseURL)
		require.NoError(t, err, baseURL)
		r := newRequest(t, "GET", "/api/v3/user", "", nil)
		require.Equal(t, reached, hub.Target(gateway.Operation{Kind: gateway.KindAPI}, r).String())
	}
}
