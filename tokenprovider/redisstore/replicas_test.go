//go:build unix

package redisstore_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider/redisstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pair is a server and a replica of it.
type pair struct {
	*server
	replica *server
}

func startPair(t testing.TB) pair {
	p := pair{startRedis(t), startRedis(t)}
	p.replica.follow(t, p.server)
	return p
}

func TestASwapThatTooFewReplicasHaveIsAnError(t *testing.T) {
	p := startPair(t)
	one, two := []byte("one"), []byte("two")
	store := redisstore.New(p.client(t), &redisstore.Options{Replicas: 1})
	swapped, err := store.Swap(t.Context(), "key", nil, one, time.Minute)
	require.NoError(t, err)
	require.True(t, swapped)
	require.Equal(t, "one", p.replica.client(t).Get(t.Context(), "provisionkit:key").Val())

	// A replica that hangs, and gets no further.
	require.NoError(t, p.replica.cmd.Process.Signal(syscall.SIGSTOP))
	ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
	defer cancel()
	swapped, err = store.Swap(ctx, "key", one, two, time.Minute)
	require.EqualError(t, err, `redisstore: swap "key": 0 replicas have it, and 1 must`)
	require.False(t, swapped)
	require.NoError(t, ctx.Err(), "half of the time is left for the caller")
	swapped, err = store.Swap(t.Context(), "key", one, two, time.Minute)
	require.ErrorContains(t, err, "and 1 must", "what is there already isn't yet where it must be")
	require.False(t, swapped)
	swapped, err = store.Swap(t.Context(), "key", []byte("nine"), []byte("ten"), time.Minute)
	require.NoError(t, err, "what wasn't swapped is waited for by nobody")
	require.False(t, swapped)

	require.NoError(t, p.replica.cmd.Process.Signal(syscall.SIGCONT))
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		swapped, err = store.Swap(context.Background(), "key", one, two, time.Minute)
		require.NoError(t, err)
		require.True(t, swapped)
	}, 10*time.Second, 50*time.Millisecond)
	require.Equal(t, "two", p.replica.client(t).Get(t.Context(), "provisionkit:key").Val())

	p.replica.stop()
	swapped, err = store.Swap(t.Context(), "key", two, nil, 0)
	require.ErrorContains(t, err, "0 replicas have it")
	require.False(t, swapped)
	swapped, err = store.Swap(t.Context(), "key", two, nil, 0)
	require.ErrorContains(t, err, "0 replicas have it", "it is gone already, here")
	require.False(t, swapped)
}

func TestAReplicaTakesNoSwap(t *testing.T) {
	p := startPair(t)
	for _, opts := range []*redisstore.Options{nil, {Replicas: 1}} {
		store := redisstore.New(p.replica.client(t), opts)
		swapped, err := store.Swap(t.Context(), "key", nil, []byte("value"), time.Minute)
		require.ErrorContains(t, err, "READONLY")
		require.False(t, swapped)
	}
}

func TestSwapsGoOnAfterAFailover(t *testing.T) {
	p := startPair(t)
	sentinel, client := startSentinel(t, p.server)
	store := redisstore.New(client, &redisstore.Options{Replicas: 1})
	var held []byte
	swap := func(n int) error {
		next := fmt.Appendf(nil, "value %d", n)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		swapped, err := store.Swap(ctx, "key", held, next, time.Minute)
		if err != nil {
			return err
		}
		require.True(t, swapped, "what was swapped before is there still")
		held = next
		return nil
	}
	for n := range 10 {
		require.NoError(t, swap(n))
	}
	require.Eventually(t, func() bool { // once the sentinel knows that the replica is well
		return sentinel.Failover(t.Context(), "it").Err() == nil
	}, 20*time.Second, 50*time.Millisecond)
	require.Eventually(t, func() bool {
		return p.replica.client(t).Do(t.Context(), "ROLE").Val().([]any)[0] == "master"
	}, 20*time.Second, 50*time.Millisecond)
	require.Eventually(t, func() bool { return swap(10) == nil }, 20*time.Second, 50*time.Millisecond)
	require.Equal(t, "value 10", p.replica.client(t).Get(t.Context(), "provisionkit:key").Val())
}
