package gitcredential_test

import (
	"context"
	"maps"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// newEndpoint starts the real endpoint for ws-1, and returns the URL and bearer
// with which that workspace reaches it.
func newEndpoint(t *testing.T, provider tokenprovider.TokenProvider) (env map[string]string) {
	t.Helper()
	key, err := tokenhttp.NewWorkspaceKey([]byte("0123456789abcdef0123456789abcdef"))
	require.NoError(t, err)
	handler, err := tokenhttp.NewHandler(func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
		return provider, nil
	}, key, &tokenhttp.Options{Admit: func(context.Context, tokenhttp.Principal) error { return nil }})
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	m, err := handler.Mutator(tokenhttp.MutatorOptions{BaseURL: server.URL, Key: key})
	require.NoError(t, err)
	env = map[string]string{}
	require.NoError(t, m.MutateEnv(t.Context(), "ws-1", env))
	return env
}

// plainText is what no shell makes anything else of. The endpoint's own test has
// those requests; the others are sent once each, by the shell whose turn it is.
var plainText = regexp.MustCompile(`^[ -$&-[\]-~\n]{0,200}\n\n$`)

func TestTheInlineHelperHasTheEndpointJudgeHostileRequests(t *testing.T) {
	t.Parallel()
	all := testutil.GitRequests(t, "testdata/requests.txt")
	requests := make(chan testutil.GitRequest, len(all))
	for i, r := range all {
		if i%20 == 0 || !plainText.MatchString(r.Input) {
			requests <- r
		}
	}
	close(requests)
	inEachShell(t, func(t *testing.T, shell []string) {
		provider := &source{token: token, expiresAt: time.Now().Add(time.Hour)}
		w := newInlineWorkspace(t, shell, "")
		maps.Copy(w.env, newEndpoint(t, provider))
		for r := range requests {
			stdout, stderr, code := w.run(t, "get", r.Input)
			if r.Outcome == "answer" {
				require.Contains(t, stdout, "password="+token+"\npassword_expiry_utc=", "%s: %s",
					r.Name, stderr)
				require.Zero(t, code, r.Name)
				require.Equal(t, 10*time.Minute, provider.minTTL)
			} else {
				require.Empty(t, stdout, r.Name)
				require.Equal(t, 1, code, r.Name)
			}
		}
	})
}

func TestGitGetsItsTokenFromTheEndpointThroughTheInlineHelper(t *testing.T) {
	t.Parallel()
	shells(t)
	testutil.NeedTool(t, "curl")
	provider := &source{token: token, expiresAt: time.Now().Add(time.Hour)}
	g := testutil.NewGit(t)
	maps.Copy(g.Env, newEndpoint(t, provider))
	mutate(t, &gitcredential.MutatorOptions{Inline: true}, g.Env)
	repository := t.TempDir()
	g.Run(t, repository, "init", "--quiet")
	hostile := "!echo username=hostile; echo password=hostile; :"
	g.Run(t, repository, "config", "credential.helper", hostile)

	credential := func(operation, input string) (string, string) {
		cmd := g.Command(t, repository, "credential", operation)
		var stderr strings.Builder
		cmd.Stdin, cmd.Stderr = strings.NewReader(input), &stderr
		out, _ := cmd.Output()
		return string(out), stderr.String()
	}
	filled, stderr := credential("fill", githubRequest)
	require.Contains(t, filled, "password="+token+"\n", stderr)
	require.Empty(t, stderr)

	_, stderr = credential("reject", filled)
	require.Empty(t, stderr)
	require.Equal(t, []string{token}, provider.invalidated,
		"the endpoint knows which token that digest is of")

	g.Env["PROVISIONKIT_URL"], g.Env["PROVISIONKIT_RETRY"] = "http://127.0.0.1:1/token", "0"
	filled, stderr = credential("fill", githubRequest)
	require.Empty(t, filled, "nobody else is asked: the helpers of the repository were wiped")
	require.Contains(t, stderr, "can't be reached")

	next := gitcredential.Entry{Key: "credential.https://github.com.helper", Value: "!echo username=x; echo password=next; :"}
	require.NoError(t, gitcredential.AppendEnv(g.Env, next))
	filled, _ = credential("fill", githubRequest)
	require.Contains(t, filled, "password=next\n", "git falls through to its next helper")
	g.Env["PROVISIONKIT_ON_FAILURE"] = "quit"
	filled, stderr = credential("fill", githubRequest)
	require.Empty(t, filled)
	require.Contains(t, stderr, "fatal: credential helper '!f() {",
		"git quits, and quotes the helper until its message is full")
	require.Empty(t, testutil.Leak(stderr, g.Env["PROVISIONKIT_BEARER"]))
}
