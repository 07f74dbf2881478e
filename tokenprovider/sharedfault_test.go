package tokenprovider_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func TestAStoreThatFailsCostsMintsAndLogLinesAndNoError(t *testing.T) {
	const minutes = 10 * time.Minute
	faults := map[string]func(context.Context) error{
		"is down": refuse,
		"hangs":   hang,
		"is deaf": func(context.Context) error { time.Sleep(minutes); return nil },
		"panics":  func(context.Context) error { panic("a value of any kind") },
		"goexits": func(context.Context) error { goexit(); return nil },
		"crashes": func(context.Context) error {
			var client *faultyStore
			_, err := client.Load(context.Background(), "")
			return err
		},
	}
	for name, fault := range faults {
		for _, method := range []string{"load", "lock", "save", "unlock", "all"} {
			t.Run(name+" at "+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var log bytes.Buffer
					source := &issuer{life: time.Hour, latency: 300 * time.Millisecond}
					shared := newShared(t, source, newFaulty(method, fault), logTo(&log))
					started := time.Now()
					requireToken(t, shared, "token-1")
					require.LessOrEqual(t, time.Since(started), 2300*time.Millisecond,
						"the caller waits once for the store, and for a mint")
					time.Sleep(2*minutes + time.Second) // all that was left behind has ended
					synctest.Wait()
					require.Contains(t, log.String(), "token store failed")
					require.Contains(t, log.String(), "key="+sharedKey)
				})
			})
		}
	}
}

func TestAHangingStoreLeavesTimeForAMint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := hang
		shared := newShared(t, &issuer{life: time.Hour, latency: 700 * time.Millisecond},
			newFaulty("all", fault))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		started := time.Now()
		_, _, err := shared.Token(ctx)
		require.NoError(t, err)
		require.Equal(t, 950*time.Millisecond, time.Since(started),
			"a quarter for the store, then the mint")
		time.Sleep(time.Minute)
	})
}

func TestAStoreThatHungIsNotAskedAgainWhenTheMintFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{}
		source.breakWith(errors.New("the forge is away"))
		started := time.Now()
		_, _, err := newShared(t, source, newFaulty("load", hang)).Token(t.Context())
		require.ErrorContains(t, err, "the forge is away")
		require.Equal(t, 2*time.Second, time.Since(started))
	})
}

func TestACallerThatLeavesDoesNotWaitForTheSave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		started := time.Now()
		_, _, _ = newShared(t, &issuer{life: time.Hour}, newFaulty("save", hang)).Token(ctx)
		require.Equal(t, 100*time.Millisecond, time.Since(started))
		time.Sleep(time.Minute)
	})
}

func TestATokenIsStoredThoughItsCallerLeftAndTheValueChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := tokenprovidertest.NewStore()
		ctx, cancel := context.WithCancel(t.Context())
		source := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			put(t, store, []byte("nonsense"))
			cancel()
			return "token", time.Now().Add(time.Hour), nil
		})
		_, _, _ = newShared(t, source, store).Token(ctx)
		synctest.Wait()
		requireToken(t, newShared(t, &issuer{life: time.Hour}, store), "token")
	})
}

func TestAStoreWithoutLocksSharesAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty("lock", func(context.Context) error { return errors.New("no locks here") })
		source := &issuer{life: time.Hour}
		requireToken(t, newShared(t, source, store), "token-1")
		requireToken(t, newShared(t, source, store), "token-1")
	})
}

func TestAStoreThatFailsWhileAnotherReplicaMintsIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := tokenprovidertest.NewStore()
		takeLock(t, store, time.Hour)
		var loads atomic.Int64
		faulty := &faultyStore{Store: store}
		faulty.load = func(context.Context, string) ([]byte, error) {
			if loads.Add(1) > 3 {
				return nil, errors.New("connection refused")
			}
			return nil, nil
		}
		started := time.Now()
		requireToken(t, newShared(t, &issuer{life: time.Hour}, faulty), "token-1")
		require.Less(t, time.Since(started), time.Second)
	})
}

func TestACallerThatLeavesIsNoFailureOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		store := newFaulty("load", hang)
		_, _, err := newShared(t, &issuer{life: time.Hour}, store, logTo(&log)).Token(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, log.String())
	})
}

// A day of a store that comes and goes: callers see nothing of it.
func TestAnUnsteadyStoreIsInvisibleToCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		memory := tokenprovidertest.NewStore()
		fault := func(ctx context.Context) error {
			if !down.Load() {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}
		unsteady := &faultyStore{Store: memory}
		unsteady.load = func(ctx context.Context, key string) ([]byte, error) {
			if err := fault(ctx); err != nil {
				return nil, err
			}
			return memory.Load(ctx, key)
		}
		unsteady.swap = func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
			if err := fault(ctx); err != nil {
				return false, err
			}
			return memory.Swap(ctx, key, old, new, ttl)
		}
		source := &issuer{life: time.Hour, latency: 300 * time.Millisecond}
		var replicas sync.WaitGroup
		for range 4 {
			tokens := tokenprovider.NewCache(newShared(t, source, unsteady), nil)
			replicas.Go(func() {
				for range 24 * 60 {
					_, expiresAt, err := tokens.Token(t.Context())
					require.NoError(t, err)
					require.True(t, time.Now().Before(expiresAt))
					time.Sleep(time.Minute)
				}
			})
		}
		for range 24 {
			time.Sleep(50 * time.Minute)
			down.Store(true)
			time.Sleep(10 * time.Minute)
			down.Store(false)
		}
		replicas.Wait()
		require.Less(t, source.calls(), 4*24*60/42, "sharing saves mints between the outages")
	})
}

func TestOneUnusableValueIsLoggedOnceForEachCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := tokenprovidertest.NewStore()
		put(t, store, []byte("garbage"))
		takeLock(t, store, 10*time.Second)
		var log bytes.Buffer
		requireToken(t, newShared(t, &issuer{life: time.Hour}, store, logTo(&log)), "token-1")
		require.Equal(t, 1, strings.Count(log.String(), "stored token can't be used"))
	})
}
