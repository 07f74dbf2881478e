package redisstore_test

import (
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider/redisstore"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestWhatRedisForgetsIsAbsent(t *testing.T) {
	s := startRedis(t)
	client := s.client(t)
	store := redisstore.New(client, nil)
	one, two := []byte("one"), []byte("two")
	for name, forget := range map[string]func(){
		"emptied":                func() { require.NoError(t, client.FlushAll(t.Context()).Err()) },
		"its scripts too":        func() { require.NoError(t, client.ScriptFlush(t.Context()).Err()); client.FlushAll(t.Context()) },
		"started again":          func() { s.stop(); require.NoError(t, s.start(t)) },
		"evicted":                func() { evict(t, client) },
		"removed by an operator": func() { require.NoError(t, client.Del(t.Context(), "provisionkit:key").Err()) },
	} {
		t.Run(name, func(t *testing.T) {
			swapped, err := store.Swap(t.Context(), "key", nil, one, time.Minute)
			require.NoError(t, err)
			require.True(t, swapped)
			forget()
			value, err := store.Load(t.Context(), "key")
			require.NoError(t, err)
			require.Nil(t, value)
			swapped, err = store.Swap(t.Context(), "key", one, two, time.Minute)
			require.NoError(t, err)
			require.False(t, swapped)
			swapped, err = store.Swap(t.Context(), "key", nil, two, time.Minute)
			require.NoError(t, err)
			require.True(t, swapped)
			swapped, err = store.Swap(t.Context(), "key", two, nil, 0)
			require.NoError(t, err)
			require.True(t, swapped)
		})
	}
}

// evict has the server need its memory for something else.
func evict(t *testing.T, client *redis.Client) {
	ctx := t.Context()
	require.NoError(t, client.ConfigSet(ctx, "maxmemory-policy", "allkeys-random").Err())
	require.NoError(t, client.ConfigSet(ctx, "maxmemory", "1").Err())
	require.Eventually(t, func() bool {
		_ = client.Set(ctx, "another", "value", 0).Err() // to which the server makes room, in vain
		return client.Exists(ctx, "provisionkit:key").Val() == 0
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, client.ConfigSet(ctx, "maxmemory", "0").Err())
}

func TestAServerWithoutMemoryTakesNoSwapButARemoval(t *testing.T) {
	client := startRedis(t).client(t)
	store := redisstore.New(client, nil)
	one := []byte("one")
	swapped, err := store.Swap(t.Context(), "key", nil, one, time.Minute)
	require.NoError(t, err)
	require.True(t, swapped)
	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory", "1").Err())
	swapped, err = store.Swap(t.Context(), "key", one, []byte("two"), time.Minute)
	require.ErrorContains(t, err, "OOM")
	require.False(t, swapped)
	swapped, err = store.Swap(t.Context(), "key", one, nil, 0)
	require.NoError(t, err)
	require.True(t, swapped)
}
