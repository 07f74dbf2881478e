//go:build unix

package redisstore_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// load is callers of four replicas, each with a cache and a client of its own,
// for as long as Redis has its troubles.
type load struct {
	calls, errors, expired atomic.Int64
	longest                atomic.Int64
	callers                sync.WaitGroup
}

func startLoad(t *testing.T, s *server, f *forge, output *testutil.Capture) (
	*load, context.CancelFunc) {
	l := &load{}
	ctx, stop := context.WithCancel(t.Context())
	for range 4 {
		cache := tokenprovider.NewCache(shared(mintAt(f.URL), s.client(t), 0, output.Logger()),
			&tokenprovider.CacheOptions{Settle: -1})
		for range 4 {
			l.callers.Go(func() {
				for ctx.Err() == nil {
					started := time.Now()
					token, expiresAt, err := cache.Token(t.Context())
					took := time.Since(started)
					l.calls.Add(1)
					switch {
					case err != nil || token == "":
						l.errors.Add(1)
						t.Logf("a caller saw: %v", err)
					case !time.Now().Before(expiresAt):
						l.expired.Add(1)
					}
					for longest := l.longest.Load(); int64(took) > longest; longest = l.longest.Load() {
						if l.longest.CompareAndSwap(longest, int64(took)) {
							break
						}
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
	}
	return l, stop
}

func TestNoCallerSeesThatRedisIsStoppedPausedOrRestarted(t *testing.T) {
	s, f := startRedis(t), newForge(t, 3*time.Second, 50*time.Millisecond)
	output := testutil.NewCapture(t)
	l, stop := startLoad(t, s, f, output)
	phase := func(name string, d time.Duration) {
		before := f.mints.Load()
		time.Sleep(d)
		t.Logf("%-9s %5s: %2d mints, longest call so far %s", name, d, f.mints.Load()-before,
			time.Duration(l.longest.Load()).Round(time.Millisecond))
	}
	phase("up", 2*time.Second)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGSTOP))
	phase("paused", 4*time.Second)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGCONT))
	phase("resumed", 1500*time.Millisecond)
	s.stop()
	phase("stopped", 3*time.Second)
	require.NoError(t, s.start(t))
	phase("restarted", 1500*time.Millisecond)
	stop()
	l.callers.Wait()
	output.Secret(f.secrets()...)

	t.Logf("%d calls", l.calls.Load())
	require.Zero(t, l.errors.Load(), "callers that saw an error")
	require.Zero(t, l.expired.Load(), "callers that got an expired token")
	require.Contains(t, output.String(), "token store failed")
	require.Contains(t, output.String(), "stored token taken", "the replicas share")
	// Four replicas that share nothing mint every 2.1 to 2.25 s.
	require.Less(t, f.mints.Load(), int64(4*12/2), "mints")
}

func TestARestartLosesNothingThatRedisSaved(t *testing.T) {
	s, f := startRedis(t), newForge(t, time.Hour, 0)
	_, _, err := shared(mintAt(f.URL), s.client(t), 0, nil).Token(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.client(t).Save(t.Context()).Err())
	s.stop()
	require.NoError(t, s.start(t))
	_, _, err = shared(mintAt(f.URL), s.client(t), 0, nil).Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(1), f.mints.Load())

	// And one that saved nothing costs one mint.
	s.stop()
	require.NoError(t, os.Remove(filepath.Join(s.dir, "dump.rdb")))
	require.NoError(t, s.start(t))
	for range 3 {
		_, _, err = shared(mintAt(f.URL), s.client(t), 0, nil).Token(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, int64(2), f.mints.Load())
}
