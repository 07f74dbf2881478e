package tokenhttp_test

import (
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestAnAcceptHeaderIsReadAsHTTPDefinesIt(t *testing.T) {
	key := newKey(t)
	h := newHandler(t, key, fixed(tokenprovider.Static(tokenSecret)), nil)
	const git, json = gitCredential, "application/json"
	for _, row := range []struct {
		accept []string
		want   string
	}{
		{nil, json},
		{[]string{""}, json},
		{[]string{"*/*"}, json},
		{[]string{"application/*"}, json},
		{[]string{git}, git},
		{[]string{"Application/X-Git-Credential"}, git},
		{[]string{" " + git + " "}, git},
		{[]string{git + ";q=0.001"}, git},
		{[]string{git + " ; Q=1.000"}, git},
		{[]string{git + ";version=1;q=1"}, git},
		{[]string{git + ";q=0"}, json},
		{[]string{git + ";q=0.0, */*"}, json},
		{[]string{git, json}, json},
		{[]string{json, git}, json},
		{[]string{json + ";q=0.9", git}, git},
		{[]string{json + ";q=0.9, " + git + ";q=0.8"}, json},
		{[]string{"*/*, " + git}, git},
		{[]string{git + ";q=0.1, " + git + ", " + json + ";q=0.5"}, git},
		{[]string{git + ", " + git + ";q=0.1, " + json + ";q=0.5"}, git},
		{[]string{"application/*;q=0.9, " + git + ";q=0.8"}, json},
		{[]string{"*/*;q=0.9, application/json;q=0.1, " + git + ";q=0.2"}, git},
		{[]string{"text/html, " + git + ";q=0.1"}, git},
		{[]string{"text/html", "", git}, git},
		{[]string{git + "x"}, json},
		{[]string{"x" + git}, json},
		{[]string{"x-git-credential"}, json},
		{[]string{git + ";q=2"}, json},
		{[]string{git + ";q=-1"}, json},
		{[]string{git + ";q=NaN"}, json},
		{[]string{git + ";q="}, json},
		{[]string{git + ";q=1;q=0"}, json},
		{[]string{git + " " + git}, json},
		{[]string{strings.Repeat("*/*,", 10_000) + git}, git},
	} {
		r := newRequest("POST", "/workspaces/ws-1/token", issue(t, key, "ws-1"))
		forGit(strings.NewReader("protocol=https\nhost=github.com\n"))(r)
		r.Header["Accept"] = row.accept
		w := record(h, r)
		require.Equal(t, 200, w.Code, "%q: %s", row.accept, w.Body)
		require.Equal(t, row.want, w.Header().Get("Content-Type"), "%.200q", row.accept)
		require.Equal(t, "Accept", w.Header().Get("Vary"))
	}
}

// FuzzAccept holds negotiation to two promises: git's text goes only to who
// names it, and every Accept has an answer.
func FuzzAccept(f *testing.F) {
	for _, seed := range []string{
		"", "*/*", gitCredential, gitCredential + ";q=0.5, application/json;q=1",
		"application/*;q=NaN", `a/b;x="` + gitCredential + `"`, ";;,,=\xff",
	} {
		f.Add(seed)
	}
	h, err := tokenhttp.NewHandler(fixed(tokenprovider.Static(tokenSecret)),
		adminToken(f, adminSecret), nil)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, accept string) {
		r := newRequest("POST", "/workspaces/ws-1/token", adminSecret)
		forGit(strings.NewReader("protocol=https\nhost=github.com\n"))(r)
		r.Header.Set("Accept", accept)
		w := record(h, r)
		require.Equal(t, 200, w.Code)
		if w.Header().Get("Content-Type") == gitCredential {
			require.Contains(t, strings.ToLower(accept), gitCredential)
		}
	})
}
