package gateway_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// directly returns the credential of git's that the forge itself takes.
func (p *platform) directly(b *testing.B) string {
	b.Helper()
	grant, err := p.options.Policy(b.Context(), tokenhttp.Principal{}, gateway.Operation{})
	require.NoError(b, err)
	token, _, err := grant.Provider.Token(b.Context())
	require.NoError(b, err)
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+token))
}

// newDirect returns git that goes to the forge itself.
func (p *platform) newDirect(b *testing.B) *testutil.Git {
	b.Helper()
	git := testutil.NewGit(b)
	git.Env["GIT_SSL_CAINFO"] = filepath.Join(git.Home, "ca.pem")
	require.NoError(b, os.WriteFile(git.Env["GIT_SSL_CAINFO"], p.github.CertPEM(), 0o600))
	git.Run(b, "", "config", "--global", "http."+p.github.URL+"/.extraHeader", "Authorization: "+p.directly(b))
	return git
}

// quick has git neither compress nor compare large files, which takes longer than
// to send them, and speak HTTP/1.1 both ways.
func quick(b *testing.B, git *testutil.Git) *testutil.Git {
	for _, pair := range [][2]string{
		{"core.bigFileThreshold", "1m"}, {"core.compression", "0"}, {"pack.compression", "0"}, {"gc.auto", "0"},
		{"http.version", "HTTP/1.1"},
	} {
		git.Run(b, "", "config", "--global", pair[0], pair[1])
	}
	return git
}

// commitRandom commits files of 10 MiB that nothing makes smaller.
func commitRandom(b *testing.B, git *testutil.Git, folder string, files int) {
	content := make([]byte, 10<<20)
	for n := range files {
		_, _ = rand.Read(content)
		require.NoError(b, os.WriteFile(filepath.Join(folder, strconv.Itoa(n)), content, 0o600))
	}
	git.Run(b, folder, "add", ".")
	git.Run(b, folder, "commit", "--quiet", "--message", "Work")
}

// heap measures how far the heap of this process, where the gateway and the forge
// are, grows while f runs.
func heap(f func()) (grown int64) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	now := func() int64 { metrics.Read(sample); return int64(sample[0].Value.Uint64()) }
	runtime.GC()
	before := now()
	ctx, cancel := context.WithCancel(context.Background())
	peak := make(chan int64)
	go func() {
		most := before
		for tick := time.NewTicker(time.Millisecond); ; {
			select {
			case <-tick.C:
				most = max(most, now())
			case <-ctx.Done():
				tick.Stop()
				peak <- most
				return
			}
		}
	}()
	f()
	cancel()
	return <-peak - before
}

// compare runs the same through the gateway and directly, in turn and behind
// prepare, and reports how long both take and how far the heap grows.
func compare(b *testing.B, prepare func(), through, direct func()) {
	var took turns
	var withGateway, without int64
	run := func(f func(), grown *int64) time.Duration {
		start := time.Now()
		*grown = max(*grown, heap(f))
		return time.Since(start)
	}
	for b.Loop() {
		prepare()
		other := run(direct, &without)
		took.add(run(through, &withGateway), other)
	}
	took.report(b)
	b.ReportMetric(float64(withGateway)/1024, "KiB-heap")
	b.ReportMetric(float64(without)/1024, "KiB-heap-direct")
}

// BenchmarkClone clones 200 MiB through the gateway and from the forge itself, in
// turn. "ratio" compares the times: 1.05 is 0.95 of the throughput. The heap is
// that of this process, where both are, with all garbage.
func BenchmarkClone(b *testing.B) {
	p := newPlatform(b, nil)
	url, folder := p.github.URL+"/acme/widgets.git", b.TempDir()
	p.configure(b, "acme/widgets", "receive.unpackLimit", "1")
	git, direct := quick(b, p.newGit(b, "ws-1")), quick(b, p.newDirect(b))
	work := filepath.Join(folder, "work")
	direct.Run(b, "", "clone", "--quiet", url, work)
	commitRandom(b, direct, work, 20)
	direct.Run(b, work, "push", "--quiet", "origin", "HEAD:main")
	n := 0
	clone := func(git *testutil.Git) func() {
		return func() {
			n++
			git.Run(b, "", "clone", "--quiet", "--bare", url, filepath.Join(folder, "clone"+strconv.Itoa(n)))
		}
	}
	compare(b, func() {
		for ; n > 0; n-- {
			require.NoError(b, os.RemoveAll(filepath.Join(folder, "clone"+strconv.Itoa(n))))
		}
	}, clone(git), clone(direct))
}

// BenchmarkPush pushes 100 MiB through the gateway and to the forge itself, in
// turn, each to a repository of its own.
func BenchmarkPush(b *testing.B) {
	p := newPlatform(b, nil)
	git, direct := quick(b, p.newGit(b, "ws-1")), quick(b, p.newDirect(b))
	work := filepath.Join(b.TempDir(), "work")
	direct.Run(b, "", "clone", "--quiet", p.github.URL+"/acme/widgets.git", work)
	push := func(git *testutil.Git, repository string) {
		git.Run(b, work, "push", "--quiet", p.github.URL+"/acme/"+repository+".git", "HEAD:refs/heads/agent/one")
	}
	direct.Run(b, work, "push", "--quiet", "--force", p.github.URL+"/acme/gadgets.git", "HEAD:main")
	compare(b, func() { commitRandom(b, direct, work, 10) },
		func() { push(git, "widgets") }, func() { push(direct, "gadgets") })
}
