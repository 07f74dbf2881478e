package endtoend_test

import (
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestATokenThatGitReportsAsRefusedIsReplaced(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, platformOptions{})
	w := p.provision(t, "ws-1")
	dir := w.clone(t, 0)
	bad, _ := p.held(t)
	mintedAt := p.all.Status().MintedAt
	eventually(t, func() bool { return time.Since(mintedAt) > settle }, "the token's ripeness")
	p.github.RefuseToken(bad)

	o := w.remote(t, dir, "fetch")
	require.Equal(t, 128, o.code)
	require.Contains(t, o.stderr, "Authentication failed")
	require.Equal(t, 2, p.github.Mints(), "it is told before git ends")
	for range 3 {
		w.must(t, dir, "fetch")
	}
	w.commit(t, dir, "work goes on")
	w.must(t, dir, "push", "--quiet", "origin", "HEAD")
	require.Equal(t, 2, p.github.Mints())

	failures := p.requests(refused)
	require.Len(t, failures, 1)
	require.Equal(t, tokenprovider.TokenSHA256(bad), failures[0].TokenSHA256)
	good, _ := p.held(t)
	require.True(t, bad != good)
	issued := p.audited(issuedToken)
	require.Len(t, issued, 7, "one for each operation, and one for the report")
	for i, r := range issued {
		want := good
		if i < 2 { // the clone and the fetch that fails
			want = bad
		}
		require.Equal(t, tokenprovider.TokenSHA256(want), r.TokenSHA256)
	}
}

func TestGitAsksItsNextHelperWhenTheEndpointIsDown(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]struct {
		begin     func(*platform)
		complaint string
	}{
		"nobody listens":   {func(p *platform) { p.endpoint.Close() }, "connection refused"},
		"it never answers": {func(p *platform) { p.silent.Store(true) }, "no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, platformOptions{})
			w, own := p.provision(t, "ws-1"), own(t, p)
			w.Env["OWN_TOKEN"], w.Env["PROVISIONKIT_RETRY"] = own, "2s"
			down.begin(p)
			o := w.must(t, "", append(w.addHelper(ownHelper), "ls-remote", p.gitURLs[0])...)
			require.Less(t, o.took, 20*time.Second)
			require.Len(t, o.complaints(), 1, o.stderr)
			require.Contains(t, o.complaints()[0], "no token for "+p.host)
			require.Contains(t, o.complaints()[0], down.complaint)
			asked := p.requests(withToken)
			require.Equal(t, tokenprovider.TokenSHA256(own), asked[len(asked)-1].TokenSHA256)
		})
	}
}

func TestGitStopsWhenTheEndpointIsDownAndTheWorkspaceIsToldToQuit(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, platformOptions{})
	w := p.provision(t, "ws-1")
	w.Env["PROVISIONKIT_ON_FAILURE"], w.Env["PROVISIONKIT_RETRY"] = "quit", "0"
	w.Env["OWN_TOKEN"] = own(t, p)
	p.endpoint.Close()

	o := w.remote(t, "", append(w.addHelper(ownHelper), "ls-remote", p.gitURLs[0])...)
	require.Equal(t, 128, o.code)
	require.Contains(t, o.stderr, "told us to quit")
	require.Len(t, o.complaints(), 1, o.stderr)
	require.Empty(t, p.requests(withToken))
}

// own returns a token that somebody has beside the platform's.
func own(t *testing.T, p *platform) string {
	t.Helper()
	token, _, err := p.all.Scoped(githubapp.Scope{Permissions: map[string]string{"contents": "read"}}).Token(t.Context())
	require.NoError(t, err)
	return token
}

// ownHelper is a helper of git that has it.
const ownHelper = `!f() { test "$1" = get || exit 0; echo username=x-access-token; echo "password=$OWN_TOKEN"; }; f`
