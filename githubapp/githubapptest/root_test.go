package githubapptest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheFrontPageTriesATokenWithoutOAuthScopes(t *testing.T) {
	f := newFake(t, nil)
	token, _ := f.mint("")
	for name, authorization := range map[string]string{"anonymous": "", "a token": "token " + token, "the app": f.bearer()} {
		resp := f.do("GET", "/", authorization, "")
		require.Equal(t, 200, resp.StatusCode, name)
		require.NotContains(t, resp.Header, "X-Oauth-Scopes")
		require.Equal(t, f.URL+"/repos/{owner}/{repo}", resp.json["repository_url"])
	}
	require.Equal(t, f.URL+"/api/v3/user", f.do("GET", "/api/v3/", "", "").json["current_user_url"])
	f.RevokeToken(token)
	resp := f.do("GET", "/", "token "+token, "")
	require.Equal(t, 401, resp.StatusCode)
	require.Equal(t, "Bad credentials", resp.message())
}
