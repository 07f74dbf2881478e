package tokenprovider_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func TestATokenThatComesSecondGivesWayToTheOneThatIsStored(t *testing.T) {
	for name, c := range map[string]struct {
		life time.Duration // of the other replica's token
		want string
	}{
		"with enough life": {time.Hour, "other"},
		"about to die":     {time.Second, "token-1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := tokenprovidertest.NewStore()
				source := &issuer{life: time.Hour, latency: 2 * time.Minute} // far longer than LockTTL
				shared := newShared(t, source, store)
				time.AfterFunc(time.Minute, func() {
					other := newShared(t, always("other", c.life), store)
					requireToken(t, other, "other")
				})
				requireToken(t, shared, c.want)
				requireToken(t, newShared(t, source, store), c.want)
			})
		})
	}
}

// Whatever a Swap is for, it is done and its answer is lost.
func TestAnswersThatAreLostCostNoMintAndNoWait(t *testing.T) {
	for _, lost := range []string{"lock", "save", "unlock"} {
		t.Run(lost, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &faultyStore{Store: tokenprovidertest.NewStore()}
				store.swap = func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
					swapped, err := store.Store.Swap(ctx, key, old, new, ttl)
					if purpose(key, new) == lost {
						return false, errors.New("connection reset")
					}
					return swapped, err
				}
				source := &issuer{life: time.Hour}
				started := time.Now()
				requireToken(t, newShared(t, source, store), "token-1")
				requireToken(t, newShared(t, source, store), "token-1")
				takeLock(t, store.Store, time.Second)
				require.Zero(t, time.Since(started))
				require.Equal(t, 1, source.calls())
			})
		})
	}
}

func TestALockThatRanOutIsNotTakenFromItsNextHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := tokenprovidertest.NewStore()
		slow := newShared(t, &issuer{life: time.Hour, latency: time.Minute}, store)
		time.AfterFunc(30*time.Second, func() { takeLock(t, store, time.Hour) })
		requireToken(t, slow, "token-1")
		held, err := store.Load(t.Context(), lockKey)
		require.NoError(t, err)
		require.Equal(t, "another replica", string(held))
	})
}

func TestInvalidateRemovesNoTokenThatCameMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faultyStore{Store: tokenprovidertest.NewStore()}
		source := &issuer{life: time.Hour}
		shared := newShared(t, source, store)
		requireToken(t, shared, "token-1")
		store.swap = func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
			store.swap = nil // another replica comes first
			require.NoError(t, newShared(t, source, store).Drop(ctx))
			requireToken(t, newShared(t, source, store), "token-2")
			return store.Swap(ctx, key, old, new, ttl)
		}
		require.False(t, shared.Invalidate("token-1"))
		requireToken(t, shared, "token-2")
	})
}

func TestDropForgetsWhatAnotherReplicaStoredMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faultyStore{Store: tokenprovidertest.NewStore()}
		source := &issuer{life: time.Hour}
		shared := newShared(t, source, store)
		requireToken(t, shared, "token-1")
		store.swap = func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
			store.swap = nil
			swapped, err := store.Swap(ctx, key, old, []byte("what a replica of an older key sealed"), ttl)
			require.NoError(t, err)
			require.True(t, swapped)
			return store.Swap(ctx, key, old, new, ttl)
		}
		require.NoError(t, shared.Drop(t.Context()))
		value, err := store.Load(t.Context(), sharedKey)
		require.NoError(t, err)
		require.Nil(t, value)
	})
}

func TestAStoreThatNeverSwapsEndsADropWithAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty("remove", func(context.Context) error { return nil })
		shared := newShared(t, &issuer{life: time.Hour}, store)
		requireToken(t, shared, "token-1")
		require.ErrorContains(t, shared.Drop(t.Context()), "other replicas change it all the time")
	})
}

// A caller's wish is capped at half of a token's life, also where no token is
// held whose life is known.
func TestReplicasDoNotRefuseEachOthersTokensForAWish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour}, tokenprovidertest.NewStore()
		replica := func() *tokenprovider.Cache {
			return tokenprovider.NewCache(newShared(t, source, store), nil)
		}
		wish := func(c *tokenprovider.Cache, want string) {
			t.Helper()
			token, _, err := c.Token(asking(t, 55*time.Minute))
			require.NoError(t, err)
			require.Equal(t, want, token)
		}
		one, two := replica(), replica()
		wish(one, "token-1")
		wish(two, "token-1")
		time.Sleep(25 * time.Minute)
		wish(replica(), "token-1") // one that has just been started
		time.Sleep(5*time.Minute + time.Second)
		wish(one, "token-2")
		time.Sleep(15 * time.Minute)
		wish(two, "token-2")
		require.Equal(t, 2, source.calls())
	})
}
