package endtoend_test

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

// Two of them clone with submodules, fetch, and push what takes more than one
// request, while one token follows another. Meanwhile a push takes a good part
// of a life, and the endpoint is restarted with another key.
func TestNoOperationOfGitIsLostWhileATokenCanBeHad(t *testing.T) {
	t.Parallel()
	const shortest, many, pushTakes, pause = 6 * time.Second, 2, 1500 * time.Millisecond, 1500 * time.Millisecond
	p := newPlatform(t, platformOptions{
		tokenLife: shortest, repositories: []string{"acme/widgets", "acme/library", "acme/large"},
	})
	w := p.provision(t, "ws-1")
	super := w.clone(t, 0)
	w.must(t, super, "submodule", "--quiet", "add", p.gitURLs[1], "library")
	w.commit(t, super, "use the library")
	w.must(t, super, "push", "--quiet", "origin", "HEAD")

	stop := make(chan struct{})
	var workers sync.WaitGroup
	end := sync.OnceFunc(func() {
		close(stop)
		workers.Wait()
	})
	defer end()
	var lost [many][]string
	for i := range many {
		dir := w.clone(t, 0)
		workers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(pause):
				}
				for _, o := range []outcome{
					w.remote(t, "", "clone", "--quiet", "--single-branch", "--recurse-submodules", "--jobs=2",
						p.gitURLs[0], filepath.Join(dir, fmt.Sprint("again-", n))),
					w.remote(t, dir, "fetch", "--quiet"),
					w.pushFile(t, dir, 3<<19, fmt.Sprint("refs/heads/worker-", i)),
				} {
					if o.code != 0 && o.took < shortest/2 { // nothing is promised to what takes longer
						lost[i] = append(lost[i], o.stderr)
					}
				}
			}
		})
	}

	slow, life := w.clone(t, 2), shortest
	defer p.github.Fail(githubapptest.Rule{
		Method: http.MethodPost, Path: "/acme/large.git/git-receive-pack", Fault: slowly(pushTakes),
		Match: func(r *http.Request) bool { return r.ContentLength < 0 || r.ContentLength > 8<<20 },
	})()
	large := w.pushFile(t, slow, 10<<20, "refs/heads/large")
	for large.code != 0 && large.took >= life/2 && life < time.Minute { // likewise
		life *= 2
		p.github.SetTokenLife(life)
		large = w.pushFile(t, slow, 10<<20, "refs/heads/large")
	}
	require.Zero(t, large.code, large.stderr)
	require.Greater(t, large.took, pushTakes)

	p.restart(t)
	p.github.SetTokenLife(shortest)
	begun := p.github.Mints()
	eventually(t, func() bool { return p.github.Mints() >= begun+2 }, "further tokens")
	end()
	require.Contains(t, w.must(t, "", "ls-remote", p.gitURLs[2]).stdout, "refs/heads/large")

	for i := range lost {
		require.Empty(t, lost[i])
	}
	require.GreaterOrEqual(t, w.succeeded, 10)
	require.Equal(t, 1, p.github.Signatures())
}

func TestWhenGitHubIsDownForLivesOfATokenGitSaysSoAndThenGoesOn(t *testing.T) {
	t.Parallel()
	const life = 3 * time.Second
	p := newPlatform(t, platformOptions{tokenLife: life})
	w := p.provision(t, "ws-1")
	dir := w.clone(t, 0)
	_, expiresAt := p.held(t)

	w.Env["PROVISIONKIT_RETRY"] = "0"
	up := p.github.Fail(githubapptest.Rule{Path: "/app/**", Fault: githubapptest.HTML(http.StatusBadGateway)})
	p.untilDead(t, expiresAt.Add(life))
	for range 3 {
		o := w.remote(t, dir, "fetch")
		require.Equal(t, 128, o.code)
		require.Len(t, o.complaints(), 1, o.stderr)
		require.Contains(t, o.complaints()[0], "no token for "+p.host)
		require.Contains(t, o.complaints()[0], "unavailable")
	}
	tries := p.requests(func(r githubapptest.Request) bool { return r.Status == http.StatusBadGateway })
	require.LessOrEqual(t, len(tries), 5, "the back-off decides how often GitHub is asked, not git")

	up()
	eventually(t, func() bool { return w.remote(t, dir, "fetch").code == 0 }, "a git that goes on")
	for range 3 {
		w.must(t, dir, "fetch")
	}
}

func TestAClockTenMinutesOffCostsNoOperation(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"slow": 10 * time.Minute, "fast": -10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, platformOptions{tokenLife: 4 * time.Second})
			p.github.SetClockOffset(ahead) // GitHub has the time; it is the platform that is off
			w := p.provision(t, "ws-1")
			dir := w.clone(t, 0)
			for range 2 {
				_, expiresAt := p.held(t)
				eventually(t, func() bool { return time.Now().After(expiresAt) }, "the end of the token's life")
				w.commit(t, dir, "work goes on")
				w.must(t, dir, "push", "--quiet", "origin", "HEAD")
				w.must(t, dir, "fetch", "--quiet")
			}
			require.Zero(t, w.failed)
			require.Empty(t, p.requests(refused))
			require.LessOrEqual(t, p.github.Signatures(), 2,
				"one by the wrong clock, one by the right one")
		})
	}
}

// slowly lets the body of a request arrive over that time at least.
func slowly(d time.Duration) githubapptest.Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.Body = &slowBody{ReadCloser: r.Body, until: time.Now().Add(d)}
		next.ServeHTTP(w, r)
	}
}

// slowBody reads a little at a time until then.
type slowBody struct {
	io.ReadCloser
	until time.Time
}

func (s *slowBody) Read(b []byte) (int, error) {
	if time.Now().Before(s.until) {
		time.Sleep(20 * time.Millisecond)
		b = b[:min(len(b), 64<<10)]
	}
	return s.ReadCloser.Read(b)
}
