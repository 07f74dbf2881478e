package oauth2token_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/oauth2token"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

// withFaults returns a provider of a person's token with a store that may go
// wrong.
func withFaults(t *testing.T) (*forge, *faultyStore, *oauth2token.Provider) {
	t.Helper()
	f, s := newForge(t), &faultyStore{Store: tokenprovidertest.NewStore()}
	p := f.replica(t, s)
	require.NoError(t, p.Set(t.Context(), f.signIn("ann")))
	return f, s, p
}

func TestWhileTheStoreFailsTheHeldTokenIsServedOn(t *testing.T) {
	for name, broken := range map[string]*fault{"errs": {before: errs}, "hangs": {before: hangs}, "panics": {before: panics}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, s, p := withFaults(t)
				token := f.token(t, p)
				s.loads.Store(broken)
				s.swaps.Store(broken)
				cold := f.replica(t, s)
				refusal(t, cold, tokenprovider.CodeUnavailable)
				for range 119 {
					began := time.Now()
					require.Equal(t, token, f.token(t, p))
					require.LessOrEqual(t, time.Since(began), 3*time.Second+250*time.Millisecond)
					time.Sleep(time.Minute - time.Since(began))
				}
				require.Equal(t, tokenprovider.StateDegraded, p.Status().State)
				exchanges, _ := f.counts()
				require.Zero(t, exchanges, "nothing is exchanged that couldn't be stored")
				time.Sleep(2 * time.Minute)
				refusal(t, p, tokenprovider.CodeUnavailable)

				s.loads.Store(nil)
				s.swaps.Store(nil)
				time.Sleep(time.Minute)
				f.token(t, p)
				f.token(t, cold)
				time.Sleep(time.Hour) // what hung is over
			})
		})
	}
}

func TestARenewedTokenIsServedOnceItIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s, p := withFaults(t)
		time.Sleep(f.life)
		f.on(nil, func(http.ResponseWriter, *http.Request, []byte) bool {
			s.swaps.Store(&fault{before: errs}) // the store goes away between exchange and save
			return false
		})
		for range 10 {
			require.Contains(t, refusal(t, p, tokenprovider.CodeUnavailable), "isn't stored yet")
			time.Sleep(time.Minute)
		}
		s.swaps.Store(nil)
		f.token(t, p)
		exchanges, _ := f.counts()
		require.Equal(t, 1, exchanges)
	})
}

func TestASignInBetweenExchangeAndSaveWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s, p := withFaults(t)
		other := f.replica(t, s.Store)
		time.Sleep(f.life)
		f.on(nil, func(http.ResponseWriter, *http.Request, []byte) bool {
			s.swaps.Store(&fault{before: errs})
			return false
		})
		refusal(t, p, tokenprovider.CodeUnavailable)
		again := f.signIn("ann")
		require.NoError(t, other.Set(t.Context(), again))
		s.swaps.Store(nil)
		time.Sleep(time.Minute)
		require.Equal(t, again.AccessToken, f.token(t, p))
		require.Equal(t, again.AccessToken, f.token(t, other))
	})
}

func TestALostAnswerOfTheStoreLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s, p := withFaults(t)
		for n := range int64(20) {
			time.Sleep(f.life)
			var swaps atomic.Int64
			s.swaps.Store(&fault{after: func(context.Context) error {
				if swaps.Add(1)-1 == n%2 { // the attempt, or the new record
					return errStore
				}
				return nil
			}})
			f.token(t, p)
		}
		exchanges, reuses := f.counts()
		require.Equal(t, 20, exchanges)
		require.Zero(t, reuses)
	})
}

func TestAStoreThatLosesItsContentMeansToSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s, p := withFaults(t)
		f.token(t, p)
		s.Store = tokenprovidertest.NewStore()
		time.Sleep(5 * time.Second)
		require.Contains(t, refusal(t, p, tokenprovider.CodeUnauthenticated), "nobody has signed in, or has signed out, or the store lost it: sign in again")
		require.NoError(t, p.Set(t.Context(), f.signIn("ann")))
		f.token(t, p)
	})
}

func TestARecordOfOtherKeysIsReplacedByASignInAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store, one := signedIn(t)
		opts := f.options()
		opts.SealKeys = [][]byte{make([]byte, 32)}
		other, err := oauth2token.New(configFor("https://forge.example/oauth/token"), store, key, opts)
		require.NoError(t, err)
		require.Contains(t, refusal(t, other, tokenprovider.CodeUnauthenticated), "can't be opened")
		f.token(t, one)
		require.NoError(t, other.Set(t.Context(), f.signIn("ann")))
		f.token(t, other)
		time.Sleep(5 * time.Second)
		f.token(t, one) // it can't say what that is, and goes on with what it holds
		exchanges, _ := f.counts()
		require.Zero(t, exchanges)

		both := f.options()
		both.SealKeys = [][]byte{sealKeys[0], make([]byte, 32)}
		rotated, err := oauth2token.New(configFor("https://forge.example/oauth/token"), store, key, both)
		require.NoError(t, err)
		f.token(t, rotated)
	})
}

func TestASignInThatCantBeStoredIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s, p := withFaults(t)
		s.swaps.Store(&fault{before: errs})
		err := p.Set(t.Context(), f.signIn("ann"))
		require.ErrorContains(t, err, "the sign-in may be stored or not")
		require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
		require.ErrorContains(t, p.Forget(t.Context()), "the sign-out may be stored or not")
		s.swaps.Store(&fault{before: hangs})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, p.Set(ctx, f.signIn("ann")), context.DeadlineExceeded)
		time.Sleep(time.Hour)
	})
}

// denies is a store that swaps and says that it didn't.
type denies struct {
	tokenprovider.Store
	swaps atomic.Int64
}

func (s *denies) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	s.swaps.Add(1)
	_, err := s.Store.Swap(ctx, key, old, new, ttl)
	return false, err
}

func TestAStoreThatDeniesItsSwapsIsntAskedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s := newForge(t), &denies{Store: tokenprovidertest.NewStore()}
		p := f.replica(t, s)
		require.NoError(t, p.Set(t.Context(), f.signIn("ann")))
		f.token(t, p)
		time.Sleep(f.life)
		require.Contains(t, refusal(t, p, tokenprovider.CodeUnavailable), "the record changes all the time")
		require.LessOrEqual(t, s.swaps.Load(), int64(20))
		exchanges, _ := f.counts()
		require.Zero(t, exchanges)
	})
}
