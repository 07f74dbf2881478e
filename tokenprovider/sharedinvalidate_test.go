package tokenprovider_test

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

// invalidatable is an issuer that is told which tokens were refused.
type invalidatable struct {
	issuer
	mu   sync.Mutex
	told []string
}

func (i *invalidatable) Invalidate(token string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.told = append(i.told, token)
	return token == "held by the provider"
}

func TestInvalidateRemovesTheStoredTokenAndTellsTheProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &invalidatable{issuer: issuer{life: time.Hour}}
		store := tokenprovidertest.NewStore()
		shared := newShared(t, source, store)
		require.False(t, shared.Invalidate("token-0"), "nothing is stored")
		requireToken(t, shared, "token-1")
		require.False(t, shared.Invalidate(""))
		require.False(t, shared.Invalidate("token-9"))
		require.True(t, shared.Invalidate("held by the provider"))
		requireToken(t, shared, "token-1")
		require.True(t, shared.Invalidate("token-1"))
		require.False(t, shared.Invalidate("token-1"))
		require.Equal(t, []string{"token-0", "", "token-9", "held by the provider", "token-1",
			"token-1"}, source.told)
		value, err := store.Load(t.Context(), sharedKey)
		require.NoError(t, err)
		require.Nil(t, value)
		requireToken(t, shared, "token-2")
		require.False(t, newShared(t, source, store).Invalidate("token-1"),
			"another one is stored by now")
		requireToken(t, shared, "token-2")
	})
}

func TestATokenRefusedInOneReplicaIsReplacedInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour}, tokenprovidertest.NewStore()
		var replicas []*tokenprovider.Cache
		for range 8 {
			c := tokenprovider.NewCache(newShared(t, source, store), nil)
			requireToken(t, c, "token-1")
			replicas = append(replicas, c)
		}
		time.Sleep(10 * time.Second)
		for _, c := range replicas {
			require.True(t, c.Invalidate("token-1"))
			requireToken(t, c, "token-2")
		}
		require.Equal(t, 2, source.calls())
	})
}

func TestAnInvalidatedTokenStaysGoneThoughTheStoreKeepsIt(t *testing.T) {
	for name, method := range map[string]string{"down": "all", "without removals": "remove"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, store := &issuer{life: time.Hour}, tokenprovidertest.NewStore()
				faulty, broken := &faultyStore{Store: store}, newFaulty(method, refuse)
				var log bytes.Buffer
				c := tokenprovider.NewCache(newShared(t, source, faulty, logTo(&log)), nil)
				requireToken(t, c, "token-1")
				time.Sleep(10 * time.Second)

				broken.Store = store
				*faulty = *broken
				c.Invalidate("token-1")
				*faulty = faultyStore{Store: store}
				require.Contains(t, log.String(), "call=invalidate")
				requireToken(t, c, "token-2")
				requireToken(t, newShared(t, source, store), "token-2")
			})
		})
	}
}

func TestAnInvalidatedTokenThatIsMintedAgainIsNotStored(t *testing.T) {
	store := tokenprovidertest.NewStore()
	shared := newShared(t, always("same", time.Hour), store)
	shared.Invalidate("same")
	requireToken(t, shared, "same")
	value, err := store.Load(t.Context(), sharedKey)
	require.NoError(t, err)
	require.Nil(t, value)
}

func TestAFloodOfRefusalsIsOneLookIntoTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loads atomic.Int64
		store := &faultyStore{Store: tokenprovidertest.NewStore()}
		store.load = func(ctx context.Context, key string) ([]byte, error) {
			loads.Add(1)
			return store.Store.Load(ctx, key)
		}
		shared := newShared(t, &issuer{life: time.Hour}, store)
		requireToken(t, shared, "token-1")
		before := loads.Load()
		var dropped atomic.Int64
		var callers sync.WaitGroup
		for range 200 {
			callers.Go(func() {
				if shared.Invalidate("token-1") {
					dropped.Add(1)
				}
			})
		}
		callers.Wait()
		require.Equal(t, int64(1), dropped.Load())
		require.Equal(t, int64(1), loads.Load()-before)
	})
}

func TestInvalidateAndDropReturnWhenTheStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty("all", func(context.Context) error { time.Sleep(time.Minute); return nil })
		shared := newShared(t, &issuer{life: time.Hour}, store)
		started := time.Now()
		require.False(t, shared.Invalidate("token-1"))
		require.Equal(t, 2*time.Second, time.Since(started))

		started = time.Now()
		err := shared.Drop(t.Context())
		require.ErrorContains(t, err, `the stored token of "forge/42": no answer in time`)
		require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
		require.Equal(t, 2*time.Second, time.Since(started))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, shared.Drop(ctx), context.DeadlineExceeded)
		time.Sleep(time.Minute)
	})
}

func TestDropForgetsTheStoredTokenForAllReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour}, tokenprovidertest.NewStore()
		shared := newShared(t, source, store)
		require.NoError(t, shared.Drop(t.Context()), "nothing is stored")
		requireToken(t, shared, "token-1")
		require.NoError(t, shared.Drop(t.Context()))
		time.Sleep(time.Nanosecond) // in the tick of a drop everything is dropped
		requireToken(t, newShared(t, source, store), "token-2")
		requireToken(t, shared, "token-2")
	})
}

func TestDropBeforeLeavesWhatWasMintedSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour}, tokenprovidertest.NewStore()
		one, two := newShared(t, source, store), newShared(t, source, store)
		requireToken(t, one, "token-1")
		time.Sleep(time.Second)
		died := time.Now()
		time.Sleep(time.Second)
		require.NoError(t, one.DropBefore(t.Context(), died))
		requireToken(t, two, "token-2")
		require.NoError(t, one.DropBefore(t.Context(), died), "who learns of it late")
		requireToken(t, one, "token-2")
		requireToken(t, two, "token-2")
	})
}

func TestADroppedTokenStaysGoneThoughTheStoreKeepsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		store := newFaulty("remove", refuse)
		shared := newShared(t, source, store)
		requireToken(t, shared, "token-1")
		require.ErrorContains(t, shared.Drop(t.Context()), "connection refused")
		require.Error(t, shared.DropBefore(t.Context(), time.Now().Add(-time.Minute)))
		time.Sleep(time.Nanosecond) // in the tick of a drop everything is dropped
		requireToken(t, shared, "token-2")
		requireToken(t, shared, "token-2")
	})
}

func TestATokenThatIsMintedWhileItIsDroppedIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour, latency: time.Second}
		store := newFaulty("save", func(context.Context) error {
			require.Equal(t, 2, source.calls(), "no replica sees it, not even for a moment")
			return nil
		})
		shared := newShared(t, source, store)
		time.AfterFunc(500*time.Millisecond,
			func() { require.NoError(t, shared.Drop(t.Context())) })
		requireToken(t, shared, "token-1")
		requireToken(t, shared, "token-2")
	})
	synctest.Test(t, func(t *testing.T) {
		store := &faultyStore{Store: tokenprovidertest.NewStore()}
		store.swap = func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
			if purpose(key, new) == "save" {
				time.Sleep(time.Second)
			}
			return store.Store.Swap(ctx, key, old, new, ttl)
		}
		shared := newShared(t, &issuer{life: time.Hour}, store)
		time.AfterFunc(500*time.Millisecond,
			func() { require.NoError(t, shared.Drop(t.Context())) })
		requireToken(t, shared, "token-1")
		value, err := store.Load(t.Context(), sharedKey)
		require.NoError(t, err)
		require.Nil(t, value)
	})
}
