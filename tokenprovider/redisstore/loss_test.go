//go:build unix

package redisstore_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/redisstore"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// cutter is a TCP proxy in front of a server that loses answers: the one that is
// counted down to 0 from next, and its connection. The server has done what it
// was asked by then.
type cutter struct {
	net.Listener
	next        atomic.Int64
	connections sync.WaitGroup
}

func startCutter(t *testing.T, s *server) *cutter {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &cutter{Listener: listener}
	c.connections.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			c.connections.Go(func() { c.serve(client, s.addr) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); c.connections.Wait() })
	return c
}

func (c *cutter) serve(client net.Conn, addr string) {
	server, err := net.Dial("tcp", addr)
	if err != nil {
		_ = client.Close()
		return
	}
	closeBoth := func() { _ = client.Close(); _ = server.Close() }
	c.connections.Go(func() {
		_, _ = io.Copy(server, client)
		closeBoth()
	})
	defer closeBoth()
	answer := make([]byte, 64<<10)
	for {
		n, err := server.Read(answer)
		if err != nil || c.next.Add(-1) == 0 {
			return
		}
		if _, err := client.Write(answer[:n]); err != nil {
			return
		}
	}
}

// client returns a client behind the cutter, with its connection made.
func (c *cutter) client(t *testing.T, retries int) *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: c.Addr().String(), ContextTimeoutEnabled: true,
		MaxRetries: retries})
	t.Cleanup(func() { _ = client.Close() })
	require.NoError(t, client.Ping(t.Context()).Err())
	return client
}

// loadScript puts the script into the server, so that a Swap is one command.
func loadScript(t *testing.T, store *redisstore.Store) {
	_, err := store.Swap(t.Context(), "another key", nil, []byte("value"), time.Minute)
	require.NoError(t, err)
}

func TestASwapWhoseAnswerIsLostIsTriedAgainByTheClient(t *testing.T) {
	c := startCutter(t, startRedis(t))
	store := redisstore.New(c.client(t, 5), nil)
	loadScript(t, store)
	var held []byte
	for _, value := range [][]byte{[]byte("one"), []byte("two"), nil} {
		c.next.Store(1)
		swapped, err := store.Swap(t.Context(), "key", held, value, time.Minute)
		require.NoError(t, err)
		require.True(t, swapped)
		loaded, err := store.Load(t.Context(), "key")
		require.NoError(t, err)
		require.Equal(t, value, loaded)
		held = value
	}
}

// With replicas to wait for the connection is the one that wrote, so that the
// loss of it is an error, and to swap again is the caller's.
func TestASwapThatReplicasMustHaveMayBeSwappedAgain(t *testing.T) {
	c := startCutter(t, startPair(t).server)
	store := redisstore.New(c.client(t, 5), &redisstore.Options{Replicas: 1})
	loadScript(t, store)
	var held []byte
	for n := range int64(8) { // the key is watched, swapped, waited for, and no longer watched
		value := fmt.Appendf(nil, "value %d", n)
		c.next.Store(1 + n%4)
		swapped, err := store.Swap(t.Context(), "key", held, value, time.Minute)
		require.Equal(t, err == nil, swapped)
		require.Equal(t, n%4 < 3, err != nil, "answer %d is lost: %v", n%4, err)
		swapped, err = store.Swap(t.Context(), "key", held, value, time.Minute)
		require.NoError(t, err)
		require.True(t, swapped)
		held = value
	}
}

func TestASwapWhoseAnswerIsLostIsFoundByItsCaller(t *testing.T) {
	c := startCutter(t, startRedis(t))
	store := redisstore.New(c.client(t, -1), nil)
	loadScript(t, store)
	c.next.Store(1)
	swapped, err := store.Swap(t.Context(), "key", nil, []byte("mine"), time.Minute)
	require.ErrorIs(t, err, io.EOF)
	require.False(t, swapped)
	value, err := store.Load(t.Context(), "key")
	require.NoError(t, err)
	require.Equal(t, "mine", string(value))
	swapped, err = store.Swap(t.Context(), "key", nil, []byte("mine"), time.Minute)
	require.NoError(t, err)
	require.True(t, swapped)
}

// Each worker appends its lines to one value while the server has troubles: no
// line is lost that was answered, and none is there twice.
func TestNoSwapIsLostOrDoneTwiceInTroubledTimes(t *testing.T) {
	s := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	c := startCutter(t, s)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var workers sync.WaitGroup
	var lines [4]int
	for n := range lines {
		store := redisstore.New(c.client(t, 1), nil)
		workers.Go(func() {
			for ctx.Err() == nil {
				appendLine(t, store, fmt.Sprintf("<%d.%d>", n, lines[n]))
				lines[n]++
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	for range 20 {
		c.next.Store(1)
		time.Sleep(30 * time.Millisecond)
	}
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGSTOP))
	time.Sleep(700 * time.Millisecond)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGCONT))
	time.Sleep(200 * time.Millisecond)
	s.stop()
	require.NoError(t, s.start(t))
	time.Sleep(300 * time.Millisecond)
	stop()
	workers.Wait()

	value, err := redisstore.New(s.client(t), nil).Load(t.Context(), "key")
	require.NoError(t, err)
	want := 0
	for n, count := range lines {
		require.Positive(t, count)
		for line := range count {
			text := fmt.Sprintf("<%d.%d>", n, line)
			require.Equal(t, 1, strings.Count(string(value), text), text)
			want += len(text)
		}
	}
	require.Len(t, value, want)
	t.Logf("%v lines of 4 workers, each there once", lines)
}

// appendLine appends line to the value of key, as the contract of a Store says.
func appendLine(t *testing.T, store tokenprovider.Store, line string) {
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		held, err := store.Load(ctx, "key")
		swapped := false
		if err == nil && strings.Count(string(held), line) == 0 {
			swapped, _ = store.Swap(ctx, "key", held, append(held, line...), 0)
		}
		cancel()
		if swapped || err == nil && strings.Count(string(held), line) > 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
