package workspace_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/stretchr/testify/require"
)

// together runs n commands as processes that start at the same time.
func together(t *testing.T, n int, env map[string]string) []result {
	results := make([]result, n)
	var running sync.WaitGroup
	for i := range results {
		running.Go(func() { results[i] = start(t, env, request, "get") })
	}
	running.Wait()
	return results
}

func TestFiftyProcessesAtOnceMakeOneRequest(t *testing.T) {
	t.Parallel()
	workspacetest.NeedDisk(t)
	testutil.Command(t)
	p := newPlatform(t, &workspacetest.Mint{Life: time.Hour})
	p.On(func(http.ResponseWriter, *http.Request) bool { time.Sleep(100 * time.Millisecond); return false })
	for _, r := range together(t, 50, p.Env(t, "ws-1")) {
		require.Equal(t, "ghs_000000000000000000000000000000000001", r.Answered(t))
	}
	require.Len(t, p.Asked(), 1)
}

func TestProcessesThatWaitForAFailingRequestShareItsFailure(t *testing.T) {
	t.Parallel()
	workspacetest.NeedDisk(t)
	testutil.Command(t)
	p := newPlatform(t, &workspacetest.Mint{Life: time.Hour})
	release := make(chan struct{})
	p.On(func(w http.ResponseWriter, r *http.Request) bool {
		<-release
		http.Error(w, "", http.StatusServiceUnavailable)
		return true
	})
	env := p.Env(t, "ws-1")
	var opened sync.WaitGroup
	opened.Go(func() {
		// All have started once twenty of them have the lock file open; on
		// other systems than Linux time has to tell.
		defer close(release)
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline) && openLocks(env) < 20; {
			time.Sleep(20 * time.Millisecond)
		}
	})
	for _, r := range together(t, 20, env) {
		require.Contains(t, r.Failed(t), "503")
	}
	opened.Wait()
	require.Len(t, p.Asked(), 1)
}

// openLocks counts the processes that have a file of env's folder open.
func openLocks(env map[string]string) int {
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	count := 0
	for _, link := range links {
		target, err := os.Readlink(link)
		ours := strings.HasPrefix(target, env["XDG_RUNTIME_DIR"]) && strings.HasSuffix(target, ".lock")
		if err == nil && ours {
			count++
		}
	}
	return count
}

func TestACommandThatIsKilledLeavesNoLockBehind(t *testing.T) {
	t.Parallel()
	workspacetest.NeedDisk(t)
	p := newPlatform(t, workspacetest.Hourly())
	arrived := make(chan struct{}, 1)
	p.On(func(_ http.ResponseWriter, r *http.Request) bool {
		arrived <- struct{}{}
		<-r.Context().Done()
		return true
	})
	env := p.Env(t, "ws-1")
	victim := process(t.Context(), t, env, request, "get")
	require.NoError(t, victim.Start())
	<-arrived
	require.NoError(t, victim.Process.Kill())
	require.Error(t, victim.Wait())
	p.On(nil)
	began := time.Now()
	call(t, env, request, "get").Answered(t)
	require.Less(t, time.Since(began), 3*time.Second)
}
