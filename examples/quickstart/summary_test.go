package main

import (
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

func TestGitHubsLogTellsSuccessRefusalAndTrouble(t *testing.T) {
	const (
		refs = "/acme/widgets.git/info/refs"
		pack = "/acme/widgets.git/git-upload-pack"
		mint = "/app/installations/1/access_tokens"
	)
	answered := func(what string) tally { return tally{problems: []string{"GitHub answered " + what}} }
	git := func(path, token string, status int) githubapptest.Request {
		return githubapptest.Request{Git: true, Method: "GET", Path: path, TokenSHA256: token, Status: status}
	}
	for name, c := range map[string]struct {
		request githubapptest.Request
		want    tally
	}{
		"a command without a token yet":    {git(refs, "", 401), tally{}},
		"a command that succeeds":          {git(refs, "live", 200), tally{succeeded: 1, tokens: []string{"live"}}},
		"its second request":               {git(pack, "live", 200), tally{}},
		"the dead token":                   {git(refs, "dead", 401), tally{refused: 1}},
		"a mint":                           {githubapptest.Request{Path: mint, Status: 201}, tally{mints: 1}},
		"a live token that is refused":     {git(refs, "live", 401), answered("GET " + refs + " with 401")},
		"a token that dies in a command":   {git(pack, "dead", 401), answered("GET " + pack + " with 401")},
		"a connection that broke":          {git(pack, "live", 0), answered("GET " + pack + " with 0")},
		"a mint that GitHub refuses":       {githubapptest.Request{Method: "POST", Path: mint, Status: 401}, answered("POST " + mint + " with 401")},
		"a mint of which no answer is out": {githubapptest.Request{Method: "POST", Path: mint}, answered("POST " + mint + " with 0")},
	} {
		require.Equal(t, c.want, fromLog([]githubapptest.Request{c.request}, "dead"), name)
	}
}
