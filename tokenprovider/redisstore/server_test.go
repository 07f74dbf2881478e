package redisstore_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// server is a real redis-server on a free port of this machine, with a folder
// of its own.
type server struct {
	addr string
	dir  string
	args []string
	cmd  *exec.Cmd
}

// startRedis starts a redis-server that ends with t. It writes no file unless
// it is asked to.
func startRedis(t testing.TB, args ...string) *server {
	t.Helper()
	testutil.NeedTool(t, "redis-server")
	s := &server{dir: t.TempDir()}
	for try := 1; ; try++ {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		s.addr = listener.Addr().String()
		require.NoError(t, listener.Close())
		_, port, err := net.SplitHostPort(s.addr)
		require.NoError(t, err)
		s.args = append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save",
			"", "--rdbcompression", "no"}, args...)
		err = s.start(t)
		if err == nil {
			break
		}
		// another process took the port meanwhile
		require.Less(t, try, 5, "redis-server doesn't start: %v", err)
	}
	t.Cleanup(func() { s.stop() })
	return s
}

// start starts the server, with what it saved before, and waits until it
// answers.
func (s *server) start(t testing.TB) error {
	var output bytes.Buffer
	s.cmd = exec.Command("redis-server", s.args...)
	s.cmd.Stdout, s.cmd.Stderr = &output, &output
	require.NoError(t, s.cmd.Start())
	client := redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	deadline := time.Now().Add(10 * time.Second)
	for {
		// Another server on this port would answer too: only this one has the
		// folder.
		dir, err := client.ConfigGet(context.Background(), "dir").Result()
		if err == nil && same(dir["dir"], s.dir) {
			return nil
		}
		if time.Now().After(deadline) || err == nil {
			s.stop()
			return fmt.Errorf("no answer from %s: %v\n%s", s.addr, err, output.String())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func same(a, b string) bool {
	a, _ = filepath.EvalSymlinks(a)
	b, _ = filepath.EvalSymlinks(b)
	return a == b
}

// stop kills the server, as a crash does: nothing is saved.
func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// client returns a client of the server, for one replica, that ends with t.
func (s *server) client(t testing.TB) *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: s.addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// startCluster returns a client of a server in cluster mode that has all slots.
func startCluster(t testing.TB) *redis.ClusterClient {
	s := startRedis(t, "--cluster-enabled", "yes")
	require.NoError(t, s.client(t).ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{s.addr},
		ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	require.Eventually(t, func() bool {
		return client.Set(t.Context(), "ready", 1, time.Second).Err() == nil
	}, 10*time.Second, 20*time.Millisecond)
	return client
}
