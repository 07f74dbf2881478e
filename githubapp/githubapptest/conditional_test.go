package githubapptest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAGETThatChangedNothingCostsNothing(t *testing.T) {
	f := newFake(t, nil)
	token, _ := f.mint("")
	get := func(tag string) *response {
		return f.do("GET", "/installation/repositories", "token "+token, "", "If-None-Match", tag)
	}
	first := get("")
	tag := first.Header.Get("ETag")
	require.Regexp(t, `^W/"[0-9a-f]{64}"$`, tag)
	require.Equal(t, "4999", first.Header.Get("X-RateLimit-Remaining"))

	for _, known := range []string{tag, tag[len("W/"):], `"other", ` + tag, "*"} {
		resp := get(known)
		require.Equal(t, http.StatusNotModified, resp.StatusCode, known)
		require.Empty(t, resp.body)
		require.Empty(t, resp.Header.Get("Content-Type"))
		require.Equal(t, tag, resp.Header.Get("ETag"))
		require.Equal(t, "4999", resp.Header.Get("X-RateLimit-Remaining"), "it costs nothing")
	}
	require.Equal(t, http.StatusOK, get(`W/"other"`).StatusCode)

	f.AddInstallation(anInstallationOf("acme/one"))
	resp := get(tag)
	require.Equal(t, http.StatusOK, resp.StatusCode, "what changed is told")
	require.NotEqual(t, tag, resp.Header.Get("ETag"))

	f.RevokeToken(token)
	require.Equal(t, http.StatusUnauthorized, get("*").StatusCode, "a refusal has no ETag")
	require.Empty(t, get("").Header.Get("ETag"))
	require.Empty(t, f.do("POST", mintPath, f.bearer(), "").Header.Get("ETag"))
}
