package redisstore_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
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
		s.addr = freeAddr(t)
		_, port, err := net.SplitHostPort(s.addr)
		require.NoError(t, err)
		s.args = append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save",
			"", "--rdbcompression", "no", "--repl-diskless-sync-delay", "0"}, args...)
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

// follow makes s a replica of master, and waits until it has what master has.
func (s *server) follow(t testing.TB, master *server) {
	host, port, err := net.SplitHostPort(master.addr)
	require.NoError(t, err)
	require.NoError(t, s.client(t).ReplicaOf(t.Context(), host, port).Err())
	master.waitForReplicas(t, 1)
}

func (s *server) waitForReplicas(t testing.TB, n int64) {
	client := s.client(t)
	require.Eventually(t, func() bool {
		have, err := client.Wait(t.Context(), int(n), 100*time.Millisecond).Result()
		return err == nil && have >= n
	}, 20*time.Second, 20*time.Millisecond)
}

// startCluster returns a client of a cluster of one master, which has all
// slots, and one replica.
func startCluster(t testing.TB) *redis.ClusterClient {
	master, replica := startRedis(t, "--cluster-enabled", "yes"), startRedis(t, "--cluster-enabled", "yes")
	require.NoError(t, master.client(t).ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	host, port, err := net.SplitHostPort(master.addr)
	require.NoError(t, err)
	require.NoError(t, replica.client(t).ClusterMeet(t.Context(), host, port).Err())
	id, err := master.client(t).Do(t.Context(), "CLUSTER", "MYID").Text()
	require.NoError(t, err)
	require.Eventually(t, func() bool { // it has to know the master first
		return replica.client(t).ClusterReplicate(t.Context(), id).Err() == nil
	}, 20*time.Second, 100*time.Millisecond)
	master.waitForReplicas(t, 1)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{master.addr},
		ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	require.Eventually(t, func() bool {
		return client.Set(t.Context(), "ready", 1, time.Second).Err() == nil
	}, 20*time.Second, 20*time.Millisecond)
	return client
}

// startSentinel starts a sentinel that watches master, and returns a client of
// whichever server is the master by its word.
func startSentinel(t testing.TB, master *server) (sentinel *redis.SentinelClient, client *redis.Client) {
	testutil.NeedTool(t, "redis-server")
	host, port, err := net.SplitHostPort(master.addr)
	require.NoError(t, err)
	addr := freeAddr(t)
	_, own, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	config := filepath.Join(t.TempDir(), "sentinel.conf")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "port %s\nbind 127.0.0.1\n"+
		"sentinel monitor it %s %s 1\nsentinel down-after-milliseconds it 500\n"+
		"sentinel failover-timeout it 5000\n", own, host, port), 0o600))
	cmd := exec.Command("redis-server", config, "--sentinel")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	sentinel = redis.NewSentinelClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = sentinel.Close() })
	require.Eventually(t, func() bool {
		replicas, err := sentinel.Replicas(t.Context(), "it").Result()
		return err == nil && len(replicas) == 1
	}, 20*time.Second, 50*time.Millisecond, "the sentinel knows the replica")
	client = redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "it",
		SentinelAddrs: []string{addr}, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	return sentinel, client
}

func freeAddr(t testing.TB) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}
