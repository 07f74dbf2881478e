package tokenhttp_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// forGit makes a request one of git's: with body, and an answer in git's format
// wanted.
func forGit(body io.Reader) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Accept", gitCredential)
		r.Body, r.ContentLength = io.NopCloser(body), -1
		if sized, ok := body.(interface{ Len() int }); ok {
			r.ContentLength = int64(sized.Len())
		}
	}
}

func TestOverHTTPEveryHostileRequestComesToWhatItComesToInAHelper(t *testing.T) {
	key := newKey(t)
	bearer := issue(t, key, "ws-1")
	asked := 0
	server := serve(t, newHandler(t, key, fixed(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
		asked++
		return tokenSecret, time.Time{}, nil
	})), nil))
	statuses := map[string]int{"answer": 200, "nothing": 403, "refuse": 400}
	seen := map[string]int{}
	for _, c := range testutil.GitRequests(t, "../gitcredential/testdata/requests.txt") {
		require.Contains(t, statuses, c.Outcome)
		seen[c.Outcome]++
		// sized and chunked
		for _, body := range []io.Reader{
			strings.NewReader(c.Input), io.MultiReader(strings.NewReader(c.Input)),
		} {
			got := ask(t, server, "POST", "/workspaces/ws-1/token", bearer, forGit(body))
			require.Equal(t, statuses[c.Outcome], got.status, "%s: %s", c.Name, got.body)
			if c.Outcome != "answer" {
				require.Equal(t, "application/json", got.header.Get("Content-Type"), c.Name)
				require.Empty(t, testutil.Leak(got.body, tokenSecret), c.Name)
				require.NotContains(t, got.body, "evil.example",
					"%s: an answer repeats nothing of the request", c.Name)
			}
		}
	}
	require.Len(t, seen, len(statuses))
	require.Equal(t, 2*seen["answer"], asked, "what isn't answered costs no token")
}

// endlessLines delivers well-formed lines for ever.
type endlessLines struct{ read atomic.Int64 } // a transport may still read when the answer is there

func (e *endlessLines) Read(p []byte) (int, error) {
	n := copy(p, strings.Repeat("a=b\n", 1+len(p)/4))
	e.read.Add(int64(n))
	return n, nil
}

func TestTheBodyIsBounded(t *testing.T) {
	key := newKey(t)
	bearer := issue(t, key, "ws-1")
	server := serve(t, newHandler(t, key, fixed(tokenprovider.Static(tokenSecret)), nil))
	const head = "protocol=https\nhost=github.com\n"
	for name, row := range map[string]struct {
		body   string
		status int
	}{
		"a line of 65,535 bytes":       {head + "x=" + strings.Repeat("x", 65532) + "\n", 200},
		"a line of 65,536 bytes":       {head + "x=" + strings.Repeat("x", 65533) + "\n", 400},
		"a line of 1 MiB":              {head + "x=" + strings.Repeat("x", 1<<20) + "\n", 400},
		"10,000 wwwauth":               {head + strings.Repeat("wwwauth[]=Basic realm=\"github.com\"\n", 10_000), 200},
		"100,000 lines":                {head + strings.Repeat("a=b\n", 100_000), 200},
		"1,000,000 lines":              {head + strings.Repeat("a=b\n", 1_000_000), 400},
		"a megabyte after the request": {head + "\n" + strings.Repeat("x", 1<<20), 200},
	} {
		got := ask(t, server, "POST", "/workspaces/ws-1/token", bearer,
			forGit(strings.NewReader(row.body)))
		require.Equal(t, row.status, got.status, "%s: %s", name, got.body)
	}

	lines := &endlessLines{}
	req, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/workspaces/ws-1/token",
		lines)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+bearer)
	forGit(lines)(req)
	// the server may hang up before the answer is read
	if resp, err := server.Client().Do(req); err == nil {
		require.Equal(t, 400, resp.StatusCode)
		require.NoError(t, resp.Body.Close())
	}
	require.Less(t, lines.read.Load(), int64(64<<20), "no body is read for ever")
}

func TestNoBodyOfAStrangerIsReadAndNoneThatNobodyAskedFor(t *testing.T) {
	key := newKey(t)
	h := newHandler(t, key, fixed(tokenprovider.Static(tokenSecret)), &tokenhttp.Options{Admit: func(_ context.Context, p tokenhttp.Principal) error {
		if p.WorkspaceID == "released" {
			return tokenhttp.ErrForbidden
		}
		return nil
	}})
	for name, row := range map[string]struct {
		bearer, path, accept string
		status               int
	}{
		"a stranger":              {"wrong", "/workspaces/ws-1/token", gitCredential, 401},
		"another workspace":       {issue(t, key, "ws-1"), "/workspaces/ws-2/token", gitCredential, 403},
		"a released workspace":    {issue(t, key, "released"), "/workspaces/released/token", gitCredential, 403},
		"JSON":                    {issue(t, key, "ws-1"), "/workspaces/ws-1/token", "application/json", 200},
		"git, but in a bad query": {issue(t, key, "ws-1"), "/workspaces/ws-1/token?min_ttl=x", gitCredential, 400},
	} {
		r := newRequest("POST", row.path, row.bearer)
		lines := &endlessLines{}
		forGit(lines)(r)
		r.Header.Set("Accept", row.accept)
		require.Equal(t, row.status, record(h, r).Code, name)
		require.Zero(t, lines.read.Load(), name)
	}
}

func TestGitGetsATokenThatLastsForAnOperationUnlessItSaysHowLong(t *testing.T) {
	key := newKey(t)
	var asked time.Duration
	server := serve(t, newHandler(t, key, fixed(tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
		asked = tokenprovider.MinTTL(ctx)
		return tokenSecret, time.Time{}, nil
	})), nil))
	for query, want := range map[string]time.Duration{
		"": 10 * time.Minute, "?min_ttl=0s": 0, "?min_ttl=1m": time.Minute,
		"?min_ttl=25m": 25 * time.Minute,
	} {
		got := ask(t, server, "POST", "/workspaces/ws-1/token"+query, issue(t, key, "ws-1"),
			forGit(strings.NewReader("protocol=https\nhost=github.com\n")))
		require.Equal(t, 200, got.status)
		require.Equal(t, want, asked, query)
	}
}
