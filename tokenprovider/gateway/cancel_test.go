package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/pktline"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/stretchr/testify/require"
)

// counted is a connection that is counted as long as it is open.
type counted struct {
	net.Conn
	close func()
}

// Close implements [net.Conn].
func (c counted) Close() error {
	c.close()
	return c.Conn.Close()
}

// countConns has o reach the forge by connections that are counted.
func countConns(o *gateway.Options) (open *atomic.Int64) {
	open = &atomic.Int64{}
	o.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		open.Add(1)
		return counted{conn, sync.OnceFunc(func() { open.Add(-1) })}, nil
	}
	return open
}

// requireOver waits until the forge has seen the end of a request and no
// connection to it is left.
func requireOver(t *testing.T, over <-chan struct{}, open *atomic.Int64) {
	t.Helper()
	select {
	case <-over:
	case <-time.After(time.Minute):
		t.Fatal("the forge still has the request")
	}
	require.Eventually(t, func() bool { return open.Load() == 0 }, time.Minute, time.Millisecond)
}

func TestACloneThatIsKilledEndsAtTheForge(t *testing.T) {
	var open *atomic.Int64
	p := newPlatform(t, func(_ *platform, o *gateway.Options) { open = countConns(o) })
	began, over := make(chan struct{}), make(chan struct{})
	p.github.Fail(githubapptest.Rule{
		Path:  "/acme/widgets.git/**",
		Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/git-upload-pack") },
		Fault: func(w http.ResponseWriter, r *http.Request, _ http.Handler) { // progress without an end
			w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
			line := []byte(pktline.Line("packfile\n"))
			for first := true; ; first = false {
				if _, err := w.Write(line); err != nil {
					close(over)
					return
				}
				_ = http.NewResponseController(w).Flush()
				if line = []byte(pktline.Line("\x02Counting\n")); first {
					close(began)
				}
			}
		}, Skip: 1, Times: 1, // the refs go well
	})
	git := p.newGit(t, "ws-1")
	clone := git.Command(t, "", "-c", "protocol.version=2", "clone", p.github.URL+"/acme/widgets.git", filepath.Join(t.TempDir(), "widgets"))
	require.NoError(t, clone.Start())
	<-began
	require.Positive(t, open.Load())
	require.NoError(t, clone.Process.Kill())
	_ = clone.Wait()
	requireOver(t, over, open)
}

// aPush is the start of a push to a branch of ws-1's.
var aPush = pktline.Line(strings.Replace(aCommand, "refs/heads/main", "refs/heads/agent/one", 1)) + "0000PACK"

// newPush returns the request of a push of ws-1's, and where its body is written.
func (p *platform) newPush(t *testing.T) (*http.Request, *io.PipeWriter) {
	t.Helper()
	bearer, err := p.key.Issue("ws-1", 0)
	require.NoError(t, err)
	body, out := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), "POST", p.url+"/acme/widgets.git/git-receive-pack", body)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set("Content-Type", "application/x-git-receive-pack-request")
	return r, out
}

// The server of a Go program takes the rest of a request's body away when an
// answer begins, unless it is told not to.
func TestAnAnswerMayBeginBeforeItsRequestHasEnded(t *testing.T) {
	p := newPlatform(t, nil)
	p.github.Fail(githubapptest.Rule{Path: "/acme/widgets.git/**", Fault: func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Content-Type", "application/x-git-receive-pack-result")
		_, _ = io.WriteString(w, "early ")
		_ = http.NewResponseController(w).Flush()
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d %v", n, err)
	}})
	r, out := p.newPush(t)
	go func() { _, _ = io.WriteString(out, aPush) }()
	resp, err := p.client.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	rest := strings.Repeat("x", 1<<20)
	go func() {
		_, _ = io.WriteString(out, rest)
		_ = out.Close()
	}()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("early %d <nil>", len(aPush)+len(rest)), string(answer))
}

func TestAPushThatBreaksOffEndsAtTheForge(t *testing.T) {
	var open *atomic.Int64
	p := newPlatform(t, func(_ *platform, o *gateway.Options) { open = countConns(o) })
	began, over := make(chan struct{}), make(chan struct{})
	p.github.Fail(githubapptest.Rule{Path: "/acme/widgets.git/**", Fault: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = r.Body.Read(make([]byte, 1))
		close(began)
		_, _ = io.Copy(io.Discard, r.Body)
		close(over)
		panic(http.ErrAbortHandler)
	}})
	r, out := p.newPush(t)
	go func() {
		_, _ = io.WriteString(out, aPush)
		<-began
		_ = out.CloseWithError(io.ErrClosedPipe)
	}()
	resp, err := p.client.Do(r)
	if err == nil {
		resp.Body.Close()
	}
	require.ErrorIs(t, err, io.ErrClosedPipe)
	requireOver(t, over, open)
}
