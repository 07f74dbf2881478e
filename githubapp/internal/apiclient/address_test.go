package apiclient_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/internal/apiclient"
	"github.com/stretchr/testify/require"
)

func TestPagesAreFollowedWhereCredentialsAreSentAlone(t *testing.T) {
	const next = `/app/installations?page=2>; rel="next"`
	for base, links := range map[string]map[string]string{
		"https://ghe.example.com/api/v3": { // may be a gateway's
			"":                                       "",
			`<https://ghe.example.com/api/v3` + next: "/app/installations?page=2",
			`<https://ghe.example.com/api/v3/a?page=1>; rel="prev", <https://ghe.example.com/api/v3/a?page=3>; rel="next"`: "/a?page=3",
			`<https://ghe.example.com/api/v3/a?page=9>; rel="last"`:                                                        "",
			`<https://docs.github.com/versions>; rel="deprecation", <https://ghe.example.com/api/v3` + next:                "/app/installations?page=2",
			`<http://ghe.example.com/api/v3` + next:                                                                        "/app/installations?page=2",
			`<https://api.github.com` + next:                                                                               "/app/installations?page=2",
			`<https://ghe.inside.example/api/v3` + next:                                                                    "/app/installations?page=2",
			`<https://user@ghe.example.com/api/v3` + next:                                                                  "refused",
			`<https://ghe.inside.example/../../a>; rel="next"`:                                                             "refused",
			`<https://ghe.inside.example>; rel="next"`:                                                                     "refused",
			`</relative>; rel="next"`:                                                                                      "refused",
		},
		"https://gateway.example/github": {
			`<https://gateway.example/github` + next: "/app/installations?page=2",
			`<https://api.github.com` + next:         "/app/installations?page=2",
			`<https://ghe.example.com/api/v3` + next: "/app/installations?page=2",
		},
		"https://api.github.com": {
			`<https://api.github.com` + next:       "/app/installations?page=2",
			`<https://elsewhere.example` + next:    "refused",
			`<http://api.github.com` + next:        "refused",
			`<https://api.github.com:8443` + next:  "refused",
			`<https://api.github.com.evil` + next:  "refused",
			`<https://x.api.github.com/a` + next:   "refused",
			`<https://api.octo.ghe.com/a` + next:   "refused",
			`<https://api.github.com%2f@e/` + next: "refused",
		},
	} {
		c := newClient(t, base, http.DefaultClient)
		for link, path := range links {
			got, err := c.NextPage(&apiclient.Answer{Header: http.Header{"Link": {link}}})
			if path == "refused" {
				require.ErrorContains(t, err, "isn't on the host of Options.BaseURL", link)
				continue
			}
			require.NoError(t, err, link)
			require.Equal(t, path, got, link)
		}
	}
}

func TestARedirectOfGitHubsIsFollowedAtTheGateway(t *testing.T) {
	var asked []string
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		require.NotEmpty(t, r.Header.Get("Authorization"))
		asked = append(asked, r.Method+" "+r.URL.Path)
		if strings.HasSuffix(r.URL.Path, "/repos/a/b") {
			http.Redirect(w, r, "https://ghe.inside.example/api/v3/repositories/1", http.StatusMovedPermanently)
		}
	})
	_, err := c.Do(t.Context(), apiclient.Request{Method: http.MethodGet, Path: "/repos/a/b", Want: http.StatusOK})
	require.NoError(t, err)
	require.Equal(t, []string{"GET /api/v3/repos/a/b", "GET /api/v3/repositories/1"}, asked)

	_, err = c.Do(t.Context(), apiclient.Request{Method: http.MethodPost, Path: "/repos/a/b", Want: http.StatusOK})
	require.ErrorContains(t, err, "set Options.BaseURL to the final address")
	require.Len(t, asked, 3, "another method is never sent on")
}

func TestAServerThatMovedIsSaidToHave(t *testing.T) {
	c, requests := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://moved.example"+r.URL.Path, http.StatusMovedPermanently)
	})
	_, err := c.Do(t.Context(), lookup)
	require.ErrorContains(t, err, "set Options.BaseURL to the final address")
	require.Equal(t, 1, *requests)
}
