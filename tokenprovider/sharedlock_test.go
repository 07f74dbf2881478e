package tokenprovider_test

import (
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

func TestWhenTheHolderOfTheLockDiesTheOthersMintWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour,
			latency: 300 * time.Millisecond}, tokenprovidertest.NewStore()
		takeLock(t, store, 10*time.Second)
		time.Sleep(time.Second)
		started := time.Now()
		var replicas sync.WaitGroup
		for range 8 {
			tokens := tokenprovider.NewCache(newShared(t, source, store), nil)
			replicas.Go(func() {
				_, _, err := tokens.Token(t.Context())
				require.NoError(t, err)
			})
		}
		replicas.Wait()
		require.Greater(t, time.Since(started), 9*time.Second)
		require.LessOrEqual(t, time.Since(started),
			9*time.Second+300*time.Millisecond+2*250*time.Millisecond)
		require.Equal(t, 1, source.calls(),
			"those that came after the holder had a second left to see the next one's token")
	})
}

func TestALockThatNeverEndsCostsLockTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty("lock", func(context.Context) error { return nil })
		shared := newShared(t, &issuer{life: time.Hour}, store)
		started := time.Now()
		requireToken(t, shared, "token-1")
		require.Equal(t, 10*time.Second, time.Since(started))
		requireToken(t, newShared(t, &issuer{life: time.Hour}, store), "token-1")
		require.Equal(t, 10*time.Second, time.Since(started),
			"what was minted without the lock is shared all the same")
	})
}

func TestLockTTLIsTenSecondsForLessThanNothingToo(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{
		0: 10 * time.Second, -time.Hour: 10 * time.Second, time.Second: time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			store := tokenprovidertest.NewStore()
			takeLock(t, store, time.Hour)
			shared := newShared(t, &issuer{life: time.Hour}, store,
				func(o *tokenprovider.SharedOptions) { o.LockTTL = asked })
			started := time.Now()
			requireToken(t, shared, "token-1")
			require.Equal(t, want, time.Since(started))
		})
	}
}

func TestATokenThatCameJustBeforeTheLockIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faultyStore{Store: tokenprovidertest.NewStore()}
		other := newShared(t, always("theirs", time.Hour), store.Store)
		store.swap = func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
			if purpose(key, new) == "lock" {
				requireToken(t, other, "theirs")
			}
			return store.Store.Swap(ctx, key, old, new, ttl)
		}
		source := &issuer{life: time.Hour}
		requireToken(t, newShared(t, source, store), "theirs")
		require.Zero(t, source.calls())
		takeLock(t, store.Store, time.Second) // nobody has it
	})
}

func TestAWaiterKeepsAThirdOfItsTimeForAMint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := tokenprovidertest.NewStore()
		takeLock(t, store, time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		shared := newShared(t, &issuer{life: time.Hour, latency: 900 * time.Millisecond}, store)
		started := time.Now()
		_, _, err := shared.Token(ctx)
		require.NoError(t, err)
		require.Equal(t, 2900*time.Millisecond, time.Since(started))
	})
}

func TestAWaiterLeavesWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour}, tokenprovidertest.NewStore()
		takeLock(t, store, time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		started := time.Now()
		token, _, err := newShared(t, source, store).Token(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, token)
		require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
		require.Equal(t, time.Second, time.Since(started))
		require.Zero(t, source.calls())
	})
}

func TestAMintThatFailsGivesTheLockToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := tokenprovidertest.NewStore()
		broken := &issuer{latency: time.Second}
		broken.breakWith(coded(tokenprovider.CodeForbidden, "suspended"))
		works := &issuer{life: time.Hour}
		first, second := newShared(t, broken, store), newShared(t, works, store)
		go func() { _, _, _ = first.Token(t.Context()) }()
		synctest.Wait()
		started := time.Now()
		requireToken(t, second, "token-1")
		require.LessOrEqual(t, time.Since(started), 1250*time.Millisecond)
		requireCode(t, newShared(t, broken, tokenprovidertest.NewStore()),
			tokenprovider.CodeForbidden)
	})
}

func TestTheLockIsGivenUpWhateverTheProviderDoes(t *testing.T) {
	for name, mint := range map[string]func(context.Context, context.CancelFunc) (string, time.Time, error){
		"panic": func(context.Context, context.CancelFunc) (string, time.Time, error) { panic("provider") },
		"goexit": func(ctx context.Context, _ context.CancelFunc) (string, time.Time, error) {
			goexit()
			return "", time.Time{}, nil
		},
		"cancelled": func(ctx context.Context, cancel context.CancelFunc) (string, time.Time, error) {
			cancel()
			return "", time.Time{}, ctx.Err()
		},
		"empty":   func(context.Context, context.CancelFunc) (string, time.Time, error) { return "", time.Time{}, nil },
		"expired": func(context.Context, context.CancelFunc) (string, time.Time, error) { return "t", time.Now(), nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := tokenprovidertest.NewStore()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				source := tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
					return mint(ctx, cancel)
				})
				shared := newShared(t, source, store)
				go func() {
					defer func() { _ = recover() }()
					token, _, err := shared.Token(ctx)
					require.Error(t, err)
					require.Empty(t, token)
				}()
				synctest.Wait()
				takeLock(t, store, time.Second)
				value, err := store.Load(t.Context(), sharedKey)
				require.NoError(t, err)
				require.Nil(t, value, "nothing is stored")
			})
		})
	}
}

func TestATokenIsStoredAlsoWhenItsCallerHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := tokenprovidertest.NewStore()
		ctx, cancel := context.WithCancel(t.Context())
		shared := newShared(t, tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			cancel()
			return "token", time.Now().Add(time.Hour), nil
		}), store)
		_, _, err := shared.Token(ctx)
		require.NoError(t, err)
		synctest.Wait()
		requireToken(t, newShared(t, &issuer{}, store), "token")
	})
}

func TestALockThatComesTooLateIsGivenUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &faultyStore{Store: tokenprovidertest.NewStore()}
		slow.swap = func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
			if purpose(key, new) == "lock" {
				time.Sleep(3 * time.Second)
			}
			return slow.Store.Swap(context.WithoutCancel(ctx), key, old, new, ttl)
		}
		requireToken(t, newShared(t, &issuer{life: time.Hour}, slow), "token-1")
		time.Sleep(4 * time.Second)
		takeLock(t, slow.Store, time.Second)
	})
}

func TestTheLockIsGivenUpAfterTheTokenIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour, latency: 100 * time.Millisecond}
		slow := &faultyStore{Store: tokenprovidertest.NewStore()}
		slow.swap = func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
			if purpose(key, new) == "save" {
				time.Sleep(time.Second)
			}
			return slow.Store.Swap(ctx, key, old, new, ttl)
		}
		// The caller has little time, and doesn't wait for the store to the
		// end.
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		started := time.Now()
		_, _, err := newShared(t, source, slow).Token(ctx)
		require.NoError(t, err)
		require.Equal(t, 200*time.Millisecond, time.Since(started))
		requireToken(t, newShared(t, source, slow), "token-1")
		require.Equal(t, 1, source.calls())
	})
}

func TestAnUnlockComesWithALiveContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type traceKey struct{}
		var unlocked atomic.Int64
		store := &faultyStore{Store: tokenprovidertest.NewStore()}
		store.swap = func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
			if purpose(key, new) == "unlock" {
				require.NoError(t, ctx.Err())
				require.Equal(t, "trace", ctx.Value(traceKey{}))
				deadline, ok := ctx.Deadline()
				require.True(t, ok)
				require.LessOrEqual(t, time.Until(deadline), 2*time.Second)
				unlocked.Add(1)
			}
			return store.Store.Swap(ctx, key, old, new, ttl)
		}
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), traceKey{}, "trace"))
		p := tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
			cancel()
			return "", time.Time{}, ctx.Err()
		})
		_, _, err := newShared(t, p, store).Token(ctx)
		require.ErrorIs(t, err, context.Canceled)
		synctest.Wait()
		require.Equal(t, int64(1), unlocked.Load())
	})
}
