package oauth2token_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/oauth2token"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func TestTwentyReplicasExchangeEachRefreshTokenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const replicas, lives = 20, 1_000
		f, store, first := signedIn(t)
		all := []*oauth2token.Provider{first}
		for len(all) < replicas {
			all = append(all, f.replica(t, store))
		}
		for n := range lives {
			time.Sleep(f.life - 5*time.Minute)
			var calls sync.WaitGroup
			for _, p := range all {
				calls.Go(func() {
					_, _, err := p.Token(t.Context()) // the old one at once, or the new one
					require.NoError(t, err)
				})
			}
			calls.Wait()
			time.Sleep(6 * time.Second)
			tokens := map[string]bool{}
			for i, p := range all {
				if n%10 == 0 || i == n%replicas {
					tokens[f.token(t, p)] = true
				}
			}
			require.Len(t, tokens, 1)
		}
		exchanges, reuses := f.counts()
		require.Equal(t, lives, exchanges)
		require.Zero(t, reuses)
	})
}

func TestAnotherReplicasNewTokenIsSeenWithinFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store, one := signedIn(t)
		two := f.replica(t, store)
		old := f.token(t, one)
		require.Equal(t, old, f.token(t, two))
		require.True(t, one.Invalidate(old))
		fresh := f.token(t, one)
		require.NotEqual(t, old, fresh)
		time.Sleep(5 * time.Second)
		require.Equal(t, fresh, f.token(t, two))
		require.Equal(t, fresh, f.token(t, two))
		require.False(t, two.Invalidate(old), "it isn't held any more")
		exchanges, _ := f.counts()
		require.Equal(t, 1, exchanges)

		require.False(t, one.Invalidate("somebody else's"))
		require.False(t, one.Invalidate(""))
	})
}

func TestASignOutIsSeenByOtherReplicasWithinFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store, one := signedIn(t)
		two := f.replica(t, store)
		f.token(t, two)
		require.NoError(t, one.Forget(t.Context()))
		require.NoError(t, one.Forget(t.Context()), "nobody is signed in")
		require.Contains(t, refusal(t, one, tokenprovider.CodeUnauthenticated), "sign in again")
		time.Sleep(5 * time.Second)
		require.Contains(t, refusal(t, two, tokenprovider.CodeUnauthenticated), "nobody has signed in")

		require.NoError(t, one.Set(t.Context(), f.signIn("ann")))
		f.token(t, one)
		time.Sleep(5 * time.Second)
		f.token(t, two)
	})
}

func TestARevokedGrantIsAskedAboutOnceAndASignInEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store, one := signedIn(t)
		two := f.replica(t, store)
		f.token(t, two)
		f.revoke()
		time.Sleep(f.life)
		for range 100 {
			require.Contains(t, refusal(t, one, tokenprovider.CodeUnauthenticated), "it was revoked, has expired, or was used by somebody else: sign in again")
			require.Contains(t, refusal(t, two, tokenprovider.CodeUnauthenticated), "sign in again")
			time.Sleep(time.Minute)
		}
		exchanges, _ := f.counts()
		require.Equal(t, 1, exchanges)
		require.Equal(t, tokenprovider.StateFailing, two.Status().State)

		require.NoError(t, two.Set(t.Context(), f.signIn("ann")))
		f.token(t, two)
		time.Sleep(5 * time.Second)
		f.token(t, one)
	})
}

func TestARefreshTokenThatTheForgeKeepsIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, p := signedIn(t)
		f.keeps = true
		for range 10 {
			f.token(t, p)
			time.Sleep(f.life)
		}
		exchanges, _ := f.counts()
		require.Equal(t, 9, exchanges)
	})
}

func TestOfConcurrentSignInsOneStandsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store, first := signedIn(t)
		var calls sync.WaitGroup
		all := []*oauth2token.Provider{first}
		for len(all) < 10 {
			all = append(all, f.replica(t, store))
		}
		for _, p := range all {
			calls.Go(func() { require.NoError(t, p.Set(t.Context(), f.signIn("ann"))) })
		}
		calls.Wait()
		time.Sleep(5 * time.Second)
		token := f.token(t, first)
		for range 3 {
			for _, p := range all {
				require.Equal(t, token, f.token(t, p))
			}
			time.Sleep(f.life)
			token = f.token(t, first)
		}
	})
}

func TestAProviderKeepsTheContract(t *testing.T) {
	tokenprovidertest.Run(t, func(t *testing.T) tokenprovider.TokenProvider {
		_, _, p := signedIn(t)
		return p
	})
}
