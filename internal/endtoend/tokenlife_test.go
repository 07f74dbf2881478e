package endtoend_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestGitGoesOnAfterTheTokenInItsEnvironmentHasDied(t *testing.T) {
	t.Parallel()
	for life := 3 * time.Second; !gitGoesOn(t, life); life *= 2 {
		require.Less(t, life, time.Minute, "clones never end within a token's life")
	}
}

// gitGoesOn returns false, and proves nothing, on a machine that is too slow
// for one clone within that life.
func gitGoesOn(t *testing.T, life time.Duration) bool {
	t.Helper()
	const lives = 2 // beyond the injected token's
	p := newPlatform(t, platformOptions{tokenLife: life})
	w := p.provision(t, "ws-1")
	injected, expiresAt := p.held(t)
	require.True(t, w.Env["GH_TOKEN"] == injected && w.Env["GITHUB_TOKEN"] == injected)

	lost := filepath.Join(t.TempDir(), "clone")
	first := w.remote(t, "",
		slices.Concat(w.useInjected(), []string{"clone", "--quiet", p.gitURLs[0], lost})...)
	if first.code != 0 && p.github.Now().After(expiresAt) {
		return false
	}
	require.Zero(t, first.code, first.stderr)
	dir := w.clone(t, 0)

	p.untilDead(t, expiresAt)
	o := w.remote(t, lost, append(w.useInjected(), "fetch")...)
	require.Equal(t, 128, o.code)
	require.Contains(t, o.stderr, "Authentication failed")

	for range lives {
		w.commit(t, dir, "work goes on")
		w.must(t, dir, "push", "--quiet", "origin", "HEAD")
		w.must(t, dir, "fetch", "--quiet")
		_, expiresAt := p.held(t)
		p.untilDead(t, expiresAt)
	}
	w.must(t, dir, "push", "--quiet", "origin", "HEAD:refs/heads/evening")

	// Both sides count the same.
	require.Equal(t, 2+2*lives+1, w.succeeded)
	require.Len(t, p.requests(begun), w.succeeded)
	require.Equal(t, 1, w.failed)
	failures := p.requests(refused)
	require.Len(t, failures, w.failed)
	require.Equal(t, http.StatusUnauthorized, failures[0].Status)
	require.Equal(t, tokenprovider.TokenSHA256(injected), failures[0].TokenSHA256)

	used := map[string]bool{}
	for _, r := range p.requests(withToken) {
		used[r.TokenSHA256] = true
	}
	require.GreaterOrEqual(t, len(used), 1+lives+1, "tokens that git used")
	require.Equal(t, 1, p.github.Signatures(), "signatures of the app's key")
	return true
}

// A hook of git holds each push, after its first request and before its last,
// until the token is dead that was held when it began. Git doesn't ask for
// another in between: it has to be given one that lasts.
func TestAPushSucceedsThatBeginsWhileTheHeldTokenIsAboutToDie(t *testing.T) {
	t.Parallel()
	for life := 6 * time.Second; !pushesOutliveTheirToken(t, life); life *= 2 {
		require.Less(t, life, time.Minute, "pushes never begin within half of a token's life")
	}
}

// pushesOutliveTheirToken returns false, and proves nothing, on a machine that
// is too slow to begin both pushes while a token lives of that life, of which
// half is over.
func pushesOutliveTheirToken(t *testing.T, life time.Duration) bool {
	t.Helper()
	p := newPlatform(t, platformOptions{tokenLife: life})
	w := p.provision(t, "ws-1")
	old, expiresAt := p.held(t)
	p.github.SetTokenLife(time.Hour) // of the one after it: how long a push takes doesn't matter then

	release := filepath.Join(t.TempDir(), "release")
	began := func(dir string) string { return filepath.Join(dir, "began") }
	prepare := func() (dir string) {
		dir = w.clone(t, 0)
		w.commit(t, dir, "in time")
		hook := fmt.Sprintf("#!/bin/sh\ntouch '%s'\nn=0\nwhile test ! -e '%s'; do n=$((n+1)); test $n -lt 1200 || exit 1; sleep 0.05; done\n",
			began(dir), release)
		hooks := filepath.Join(dir, ".git", "hooks")
		require.NoError(t, os.Mkdir(hooks, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(hooks, "pre-push"), []byte(hook), 0o700))
		return dir
	}
	withHelper, withInjected := prepare(), prepare()
	dying, _ := p.held(t)
	eventually(t, func() bool { return time.Until(expiresAt) < life/2-life/10 }, "a token that is about to die")

	var fromHelper, fromInjected outcome
	var pushes sync.WaitGroup
	pushes.Go(func() { fromHelper = w.remote(t, withHelper, "push", "origin", "HEAD:refs/heads/helper") })
	pushes.Go(func() {
		fromInjected = w.remote(t, withInjected,
			append(w.useInjected(), "push", "origin", "HEAD:refs/heads/injected")...)
	})
	haveBegun := func() bool { return exists(began(withHelper)) && exists(began(withInjected)) }
	eventually(t, func() bool { return haveBegun() || p.github.Now().After(expiresAt) }, "both pushes in their hooks")
	inTime := dying == old && haveBegun() && p.github.Now().Before(expiresAt)
	p.untilDead(t, expiresAt)
	require.NoError(t, os.WriteFile(release, nil, 0o600))
	pushes.Wait()

	// Fast or slow, the helper has given it a token that lasts.
	require.Zero(t, fromHelper.code, fromHelper.stderr)
	require.Contains(t, w.must(t, "", "ls-remote", p.gitURLs[0]).stdout, "refs/heads/helper")
	if !inTime {
		return false
	}
	require.NotZero(t, fromInjected.code)
	require.Contains(t, fromInjected.stderr, "401")
	pushing := p.requests(func(r githubapptest.Request) bool { return withToken(r) && r.GitService == "git-receive-pack" })
	require.Len(t, pushing, 4, "two requests of each push")
	for _, r := range pushing {
		first, expected := begun(r), http.StatusOK
		if r.TokenSHA256 == tokenprovider.TokenSHA256(old) && !first {
			expected = http.StatusUnauthorized
		}
		require.Equal(t, expected, r.Status, r.Path)
		require.Equal(t, first, r.Time.Before(expiresAt),
			"the old token dies between the first request and the last")
	}
	return true
}

func TestManyGitsAtOnceCauseOneMintPerTokenLife(t *testing.T) {
	t.Parallel()
	const life, many = 8 * time.Second, 5
	p := newPlatform(t, platformOptions{tokenLife: life})
	w := p.provision(t, "ws-1")
	_, expiresAt := p.held(t)

	dirs := make([]string, many)
	for i := range dirs {
		dirs[i] = filepath.Join(t.TempDir(), "clone")
	}
	together(many, func(i int) { w.remote(t, "", "clone", "--quiet", p.gitURLs[0], dirs[i]) })
	require.Zero(t, w.failed)

	p.untilDead(t, expiresAt)
	large := make([]byte, 3<<20)
	_, _ = rand.Read(large)
	require.NoError(t, os.WriteFile(filepath.Join(dirs[0], "large"), large, 0o600))
	w.Run(t, dirs[0], "add", "large")
	w.commit(t, dirs[0], "more than fits into one request")
	p.github.SetLatency(500 * time.Millisecond) // so that all of them ask while the one mint runs
	together(many, func(i int) {
		if i == 0 {
			// Over HTTP/1.1 git sends a pack above http.postBuffer, 1 MiB, in
			// chunks.
			w.remote(t, dirs[i], "-c", "http.version=HTTP/1.1", "push", "--quiet", "origin", "HEAD")
			return
		}
		w.remote(t, dirs[i], "fetch", "--quiet")
	})
	require.Zero(t, w.failed)
	require.Equal(t, 2*many, w.succeeded)
	require.Len(t, p.requests(begun), w.succeeded)

	mints := p.requests(minted)
	require.GreaterOrEqual(t, len(mints), 2)
	for i := range mints[1:] {
		// Callers that want a long life get a token with half of it. The rest
		// is for requests that are slow to arrive.
		require.Greater(t, mints[i+1].Time.Sub(mints[i].Time), life/2-time.Second)
	}
	require.Equal(t, 1, p.github.Signatures())
}

// together runs f(0) to f(n-1) at the same time and waits for all.
func together(n int, f func(int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
