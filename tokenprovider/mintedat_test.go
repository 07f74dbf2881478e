package tokenprovider_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func TestAStoredTokenIsJudgedByItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour}, tokenprovidertest.NewStore()
		replica := func() *tokenprovider.Cache {
			return tokenprovider.NewCache(newShared(t, source, store), nil)
		}
		requireToken(t, replica(), "token-1")
		minted := time.Now()
		time.Sleep(4 * time.Second)

		young := replica()
		requireToken(t, young, "token-1")
		require.False(t, young.Invalidate("token-1"), "the forge may not know it everywhere")
		time.Sleep(time.Second)
		old := replica()
		requireToken(t, old, "token-1")
		require.True(t, minted.Equal(old.Status().MintedAt))
		require.True(t, old.Invalidate("token-1"), "it is new to this replica alone")
		requireToken(t, old, "token-2")
		require.False(t, old.Invalidate("token-2"))
		require.True(t, young.Invalidate("token-1"))
		requireToken(t, young, "token-2")
	})
}

// embedding is a provider of another package that has a Shared in it.
type embedding struct{ *tokenprovider.Shared }

func (e embedding) Token(ctx context.Context) (string, time.Time, error) {
	return e.Shared.Token(ctx)
}

func TestTheMintTimeOfAStoredTokenIsFoundThroughWrappers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour}, tokenprovidertest.NewStore()
		began := time.Now()
		requireToken(t, newShared(t, source, store), "token-1")
		time.Sleep(time.Minute)
		for name, c := range map[string]struct {
			wrap  func(*tokenprovider.Shared) tokenprovider.TokenProvider
			known bool
		}{
			"itself":    {func(s *tokenprovider.Shared) tokenprovider.TokenProvider { return s }, true},
			"embedded":  {func(s *tokenprovider.Shared) tokenprovider.TokenProvider { return embedding{s} }, true},
			"unwrapped": {func(s *tokenprovider.Shared) tokenprovider.TokenProvider { return wrapper{wrapper{s}} }, true},
			"a fallback": {func(s *tokenprovider.Shared) tokenprovider.TokenProvider {
				none := newShared(t, tokenprovider.Static(""), tokenprovidertest.NewStore())
				return tokenprovider.Fallback(none, tokenprovider.Static(""), s)
			}, true},
			"hidden": {func(s *tokenprovider.Shared) tokenprovider.TokenProvider { return opaque{s} }, false},
		} {
			cache := tokenprovider.NewCache(c.wrap(newShared(t, source, store)), nil)
			requireToken(t, cache, "token-1")
			require.Equal(t, c.known, cache.Status().MintedAt.Equal(began), name)
		}
	})
}

func TestATokenIsNoYoungerThanTheCallThatBroughtIt(t *testing.T) {
	store := &faultyStore{Store: tokenprovidertest.NewStore()}
	var value []byte
	synctest.Test(t, func(t *testing.T) { // a replica whose clock is ahead
		time.Sleep(time.Hour + 30*time.Second)
		value = sealed(t, sharedKey, sealKey(1))
	})
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour)
		store.load = func(context.Context, string) ([]byte, error) { return value, nil }
		c := tokenprovider.NewCache(newShared(t, &issuer{life: time.Hour}, store), nil)
		requireToken(t, c, secret)
		require.True(t, c.Status().MintedAt.Equal(time.Now()))
		time.Sleep(5 * time.Second)
		require.True(t, c.Invalidate(secret))
	})
}

// later is a provider that delivers another token than the Shared in it did
// last.
type later struct{ *tokenprovider.Shared }

func (l later) Token(ctx context.Context) (string, time.Time, error) {
	_, expiresAt, err := l.Shared.Token(ctx)
	time.Sleep(time.Second)
	return "another", expiresAt, err
}

func TestTheMintTimeOfAnotherTokenIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c := tokenprovider.NewCache(later{newShared(t, &issuer{life: time.Hour},
			tokenprovidertest.NewStore())}, nil)
		requireToken(t, c, "another")
		require.True(t, c.Status().MintedAt.Equal(began.Add(time.Second)))
	})
}
