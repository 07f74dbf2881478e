package workspace_test

import (
	"net"
	"net/http"
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

func TestAHundredProcessesAtOnceCostThePlatformOneMint(t *testing.T) {
	t.Parallel()
	testutil.Command(t)
	mint := &workspacetest.Mint{Life: time.Hour}
	p := newPlatform(t, workspacetest.Cached(mint))
	p.On(func(http.ResponseWriter, *http.Request) bool { time.Sleep(100 * time.Millisecond); return false })
	for _, r := range together(t, 100, p.Env(t, "ws-1")) {
		require.Equal(t, firstToken, r.Answered(t))
	}
	require.EqualValues(t, 1, mint.N.Load())
}

func TestProcessesThatStartBeforeTheirPlatformWaitForIt(t *testing.T) {
	t.Parallel()
	testutil.Command(t)
	p := newPlatform(t, workspacetest.Hourly())
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := reserved.Addr().String()
	require.NoError(t, reserved.Close())
	env := p.Env(t, "ws-1", map[string]string{
		"PROVISIONKIT_URL": "http://" + address + "/workspaces/ws-1/token", "PROVISIONKIT_RETRY": "",
	})
	server := &http.Server{Handler: p}
	defer server.Close()
	began := time.Now()
	opens := time.AfterFunc(5*time.Second, func() {
		if listener, err := net.Listen("tcp", address); err == nil {
			_ = server.Serve(listener)
		}
	})
	defer opens.Stop()
	for _, r := range together(t, 10, env) {
		require.Equal(t, firstToken, r.Answered(t))
	}
	require.GreaterOrEqual(t, time.Since(began), 5*time.Second)
	require.Less(t, time.Since(began), 20*time.Second)
}
