//go:build unix

package redisstore_test

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/redisstore"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestAStoreKeepsTheContract(t *testing.T) {
	t.Run("on one server", func(t *testing.T) {
		t.Parallel()
		runKit(t, startRedis(t).client(t), nil)
	})
	t.Run("with a replica that must have each swap", func(t *testing.T) {
		t.Parallel()
		runKit(t, startPair(t).client(t), &redisstore.Options{Replicas: 1})
	})
	t.Run("on a cluster", func(t *testing.T) {
		t.Parallel()
		client := startCluster(t)
		runKit(t, client, nil)
		runKit(t, client, &redisstore.Options{Replicas: 1})
	})
	t.Run("on a ring", func(t *testing.T) {
		t.Parallel()
		pair := startPair(t)
		client := redis.NewRing(&redis.RingOptions{ContextTimeoutEnabled: true,
			Addrs: map[string]string{"one": pair.addr, "other": startPair(t).addr}})
		t.Cleanup(func() { _ = client.Close() })
		runKit(t, client, &redisstore.Options{Replicas: 1})
	})
	t.Run("with a client that gives no call its context's time", func(t *testing.T) {
		t.Parallel()
		client := redis.NewClient(&redis.Options{Addr: startRedis(t).addr})
		t.Cleanup(func() { _ = client.Close() })
		runKit(t, client, nil)
	})
}

// Each with no more rights than the package's documentation names.
func TestAFewCommandsAreAllThatItNeeds(t *testing.T) {
	for name, c := range map[string]struct {
		opts     redisstore.Options
		commands []any
	}{
		"without replicas": {redisstore.Options{}, nil},
		"with a replica":   {redisstore.Options{Replicas: 1}, []any{"+watch", "+unwatch", "+wait"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := startPair(t)
			rule := append([]any{"ACL", "SETUSER", "shared", "on", ">s3cret", "~provisionkit:*",
				"+get", "+set", "+del", "+eval", "+evalsha", "+hello", "+ping"}, c.commands...)
			require.NoError(t, s.client(t).Do(t.Context(), rule...).Err())
			client := redis.NewClient(&redis.Options{Addr: s.addr, Username: "shared",
				Password: "s3cret", ContextTimeoutEnabled: true})
			t.Cleanup(func() { _ = client.Close() })
			runKit(t, client, &c.opts)
		})
	}
}

func runKit(t *testing.T, client redis.UniversalClient, opts *redisstore.Options) {
	tokenprovidertest.RunStore(t, func(*testing.T) tokenprovider.Store {
		return redisstore.New(client, opts)
	})
}

func TestKeysHaveThePrefixAndAnEnd(t *testing.T) {
	client := startRedis(t).client(t)
	for key, opts := range map[string]*redisstore.Options{
		"provisionkit:forge/42": nil,
		"app:forge/42":          {Prefix: "app:"},
	} {
		require.NoError(t, client.FlushAll(t.Context()).Err())
		swapped, err := redisstore.New(client, opts).Swap(t.Context(), "forge/42", nil, []byte("value"), time.Minute)
		require.NoError(t, err)
		require.True(t, swapped)
		keys, err := client.Keys(t.Context(), "*").Result()
		require.NoError(t, err)
		require.Equal(t, []string{key}, keys)
		require.Positive(t, client.PTTL(t.Context(), key).Val())
	}
}

func TestAnEmptyStringInRedisIsNoValue(t *testing.T) {
	client := startRedis(t).client(t)
	require.NoError(t, client.Set(t.Context(), "provisionkit:key", "", 0).Err())
	store := redisstore.New(client, nil)
	value, err := store.Load(t.Context(), "key")
	require.NoError(t, err)
	require.Nil(t, value)
	swapped, err := store.Swap(t.Context(), "key", nil, []byte("value"), time.Minute)
	require.NoError(t, err)
	require.True(t, swapped)
}

func TestAServerThatIsDownIsAnErrorOfTheClient(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", Password: "the password of Redis",
		MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	for _, opts := range []*redisstore.Options{nil, {Replicas: 1}} {
		store := redisstore.New(client, opts)
		_, err := store.Load(t.Context(), "key")
		requireDown(t, err)
		swapped, err := store.Swap(t.Context(), "key", nil, []byte("value"), time.Minute)
		require.False(t, swapped)
		requireDown(t, err)
		testutil.RequireRedacted(t, store, "the password of Redis")
	}
}

func requireDown(t *testing.T, err error) {
	t.Helper()
	_, ok := errors.AsType[*net.OpError](err)
	require.True(t, ok, "%v", err)
	require.ErrorContains(t, err, `redisstore: `)
	require.ErrorContains(t, err, `"key"`)
	require.NotContains(t, err.Error(), "password")
}

func TestWithoutAClientEachCallIsAnError(t *testing.T) {
	for _, client := range []redis.UniversalClient{nil, (*redis.Client)(nil)} {
		store := redisstore.New(client, nil)
		const says = "redisstore: New was given no client"
		_, err := store.Load(t.Context(), "key")
		require.EqualError(t, err, says)
		swapped, err := store.Swap(t.Context(), "key", nil, []byte("value"), time.Minute)
		require.False(t, swapped)
		require.EqualError(t, err, says)
	}
}
