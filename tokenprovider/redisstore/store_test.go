package redisstore_test

import (
	"context"
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
		client := startRedis(t).client(t)
		runKit(t, client)
	})
	t.Run("on a cluster", func(t *testing.T) {
		t.Parallel()
		client := startCluster(t)
		runKit(t, client)
		for _, key := range []string{"forge/42", "a}b", "{a}b", "a{b", "with space", "ü"} {
			value, err := client.ClusterKeySlot(t.Context(), "provisionkit:{"+key+"}").Result()
			require.NoError(t, err)
			lock, err := client.ClusterKeySlot(t.Context(), "provisionkit:{"+key+"}:lock").Result()
			require.NoError(t, err)
			require.Equal(t, value, lock, "%q and its lock are on one node", key)
		}
	})
	t.Run("with no more rights than the package's documentation names", func(t *testing.T) {
		t.Parallel()
		s := startRedis(t)
		require.NoError(t, s.client(t).Do(t.Context(), "ACL", "SETUSER", "shared", "on", ">s3cret",
			"~provisionkit:*",
			"+get", "+set", "+del", "+eval", "+evalsha", "+hello", "+ping").Err())
		client := redis.NewClient(&redis.Options{Addr: s.addr, Username: "shared",
			Password: "s3cret", ContextTimeoutEnabled: true})
		t.Cleanup(func() { _ = client.Close() })
		runKit(t, client)
	})
}

func runKit(t *testing.T, client redis.UniversalClient) {
	tokenprovidertest.RunStore(t, func(*testing.T) tokenprovider.Store {
		return redisstore.New(client, nil)
	})
}

func TestKeysHaveThePrefixAndAnEnd(t *testing.T) {
	s := startRedis(t)
	client := s.client(t)
	for prefix, opts := range map[string]*redisstore.Options{
		"provisionkit:": nil,
		"app:":          {Prefix: "app:"},
	} {
		require.NoError(t, client.FlushAll(t.Context()).Err())
		store := redisstore.New(client, opts)
		require.NoError(t, store.Save(t.Context(), "forge/42", []byte("value"), time.Minute))
		unlock, ok, err := store.TryLock(t.Context(), "forge/42", time.Minute)
		require.NoError(t, err)
		require.True(t, ok)

		keys, err := client.Keys(t.Context(), "*").Result()
		require.NoError(t, err)
		value, lock := prefix+"{forge/42}", prefix+"{forge/42}:lock"
		require.ElementsMatch(t, []string{value, lock}, keys)
		for _, key := range keys {
			require.Positive(t, client.PTTL(t.Context(), key).Val(), key)
		}
		require.NoError(t, unlock(t.Context()))
		require.Zero(t, client.Exists(t.Context(), lock).Val())
		require.Equal(t, int64(1), client.Exists(t.Context(), value).Val())
	}
}

func TestTimesBelowAMillisecondAreOneAndNoTimeIsRefused(t *testing.T) {
	store := redisstore.New(startRedis(t).client(t), nil)
	require.NoError(t, store.Save(t.Context(), "key", []byte("value"), 1))
	unlock, ok, err := store.TryLock(t.Context(), "key", 1)
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, unlock(t.Context()), "that it ran out is no error")

	for _, ttl := range []time.Duration{0, -1, redis.KeepTTL, -time.Second} {
		require.ErrorContains(t, store.Save(t.Context(), "key", []byte("value"), ttl),
			"must be more than 0")
		_, ok, err := store.TryLock(t.Context(), "key", ttl)
		require.ErrorContains(t, err, "must be more than 0")
		require.False(t, ok)
	}
}

func TestAServerThatIsDownIsAnErrorOfTheClient(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", Password: "the password of Redis",
		MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	store := redisstore.New(client, nil)
	_, err := store.Load(t.Context(), "key")
	requireDown(t, err)
	requireDown(t, store.Save(t.Context(), "key", []byte("value"), time.Minute))
	requireDown(t, store.Delete(t.Context(), "key"))
	_, ok, err := store.TryLock(t.Context(), "key", time.Minute)
	require.False(t, ok)
	requireDown(t, err)
	testutil.RequireRedacted(t, store, "the password of Redis")
}

func requireDown(t *testing.T, err error) {
	t.Helper()
	_, ok := errors.AsType[*net.OpError](err)
	require.True(t, ok, "%v", err)
	require.ErrorContains(t, err, `redisstore: `)
	require.ErrorContains(t, err, `"key"`)
	require.NotContains(t, err.Error(), "password")
}

func TestAnUnlockWithoutItsServerIsAnError(t *testing.T) {
	s := startRedis(t)
	store := redisstore.New(s.client(t), nil)
	unlock, ok, err := store.TryLock(t.Context(), "key", time.Minute)
	require.NoError(t, err)
	require.True(t, ok)
	s.stop()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, unlock(ctx), `redisstore: unlock "key": `)
}

func TestWithoutAClientEachCallIsAnError(t *testing.T) {
	for _, client := range []redis.UniversalClient{nil, (*redis.Client)(nil)} {
		store := redisstore.New(client, nil)
		const says = "redisstore: New was given no client"
		_, err := store.Load(t.Context(), "key")
		require.EqualError(t, err, says)
		require.EqualError(t, store.Save(t.Context(), "key", []byte("value"), time.Minute), says)
		require.EqualError(t, store.Delete(t.Context(), "key"), says)
		_, ok, err := store.TryLock(t.Context(), "key", time.Minute)
		require.False(t, ok)
		require.EqualError(t, err, says)
	}
}
