package ledger_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/ledger"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

// loses is two replicas whose Store comes back empty, after here gave a token.
func loses(t *testing.T) (here, elsewhere *office) {
	here, elsewhere = newOffice(t), newOffice(t)
	elsewhere.Store = here.Store
	here.issue(t, here.begin(t), "a")
	here.Store = tokenprovidertest.NewStore()
	elsewhere.Store = here.Store
	return here, elsewhere
}

func (o *office) read(t *testing.T) ledger.Life {
	t.Helper()
	l, err := o.Read(t.Context(), "ws")
	require.NoError(t, err)
	return l
}

// requireUncertain requires of a release that it isn't sure.
func (o *office) requireUncertain(t *testing.T) {
	t.Helper()
	require.ErrorAs(t, o.Release(t.Context(), "ws"), new(*ledger.Uncertain))
}

func TestWhatAStoreLostIsPutBackByWhoSawIt(t *testing.T) {
	for name, first := range map[string]func(here, elsewhere *office) *office{
		"who comes first":               func(here, _ *office) *office { return here },
		"who comes after somebody else": func(_, elsewhere *office) *office { return elsewhere },
	} {
		t.Run(name, func(t *testing.T) {
			here, elsewhere := loses(t)
			first(here, elsewhere).read(t)
			require.True(t, here.read(t).Gave("token-a"))
			require.True(t, elsewhere.read(t).Gave("token-a"), "it is on record")
			elsewhere.requireUncertain(t)
			elsewhere.requireRevoked(t, "a")
		})
	}
}

func TestAReleaseRevokesWhatAStoreLost(t *testing.T) {
	for name, before := range map[string]func(here, elsewhere *office){
		"first of all":       func(_, _ *office) {},
		"after another call": func(_, elsewhere *office) { elsewhere.read(t) },
		"after one elsewhere": func(_, elsewhere *office) {
			elsewhere.requireUncertain(t)
			elsewhere.requireRevoked(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			here, elsewhere := loses(t)
			before(here, elsewhere)
			here.requireUncertain(t)
			here.requireRevoked(t, "a")
		})
	}
}

func TestAStartAfterALossGetsNothingOfBefore(t *testing.T) {
	here, _ := loses(t)
	require.False(t, here.begin(t).Gave("token-a"))
	require.NoError(t, here.Release(t.Context(), "ws"))
	here.requireRevoked(t, "a")
}

func TestAStartWhileTheStoreIsAwayGetsNothingOfBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, _ := loses(t)
		here.away.Store(true)
		l, err := here.Begin(t.Context(), "ws")
		require.Equal(t, ledger.ErrAway, err)
		here.issue(t, l, "b")
		here.away.Store(false)
		time.Sleep(10 * time.Second)
		l = here.read(t)
		require.True(t, l.Gave("token-b"))
		require.False(t, l.Gave("token-a"))
		here.requireUncertain(t)
		here.requireRevoked(t, "a", "b")
	})
}

func TestALifeAfterTheLossGetsNothingOfBefore(t *testing.T) {
	here, elsewhere := loses(t)
	elsewhere.requireUncertain(t)
	elsewhere.begin(t)
	l := here.read(t)
	require.False(t, l.Gave("token-a"), "it is of the life that was released")
	here.requireUncertain(t)
	here.requireRevoked(t, "a")
}

func TestEachReplicaPutsBackWhatItSaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, elsewhere := newOffice(t), newOffice(t)
		elsewhere.Store = here.Store
		l := here.begin(t)
		here.issue(t, l, "a")
		elsewhere.issue(t, l, "b")
		here.away.Store(true)
		here.issue(t, l, "c")
		here.Store = tokenprovidertest.NewStore()
		elsewhere.Store = here.Store
		here.away.Store(false)
		time.Sleep(10 * time.Second)
		l = elsewhere.read(t) // c made a new record, of the same life
		require.True(t, l.Gave("token-a") && l.Gave("token-b") && l.Gave("token-c"))
		elsewhere.requireUncertain(t)
		elsewhere.requireRevoked(t, "a", "b", "c")
	})
}

func TestARecordIsRememberedUntilItsLastTokenIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		l := o.begin(t)
		short := newToken("short")
		short.ExpiresAt = short.MintedAt.Add(life / 3)
		require.NoError(t, o.Issue(t.Context(), "ws", l.Generation, short, ""))
		o.issue(t, l, "long")
		time.Sleep(life / 2)
		o.Store = tokenprovidertest.NewStore()
		require.True(t, o.read(t).Gave("token-long"))
		o.requireUncertain(t)
		o.requireRevoked(t, "long")
	})
}

func TestOnlyWhatWasLostIsPutBack(t *testing.T) {
	o, elsewhere := newOffice(t), newOffice(t)
	elsewhere.Store = o.Store
	o.issue(t, o.read(t), "a") // into a dated record, as nobody began
	require.NoError(t, elsewhere.Settle(t.Context(), "ws", tokenprovider.TokenSHA256("token-a")))
	elsewhere.requireRevoked(t, "a")
	elsewhere.requireUncertain(t)
	elsewhere.begin(t)
	require.False(t, o.read(t).Gave("token-a"), "it was revoked and taken off")
	o.requireUncertain(t)
	o.requireRevoked(t)

	o, elsewhere = newOffice(t), newOffice(t)
	elsewhere.Store = o.Store
	o.issue(t, o.begin(t), "a")
	require.NoError(t, elsewhere.Release(t.Context(), "ws"))
	elsewhere.begin(t)
	require.NoError(t, o.Release(t.Context(), "ws"))
	o.requireRevoked(t) // nor is what a life before had
}

func TestWhatIsOwedIsNeverHandedOutAgain(t *testing.T) {
	here, elsewhere := newOffice(t), newOffice(t)
	elsewhere.Store = here.Store
	here.issue(t, here.begin(t), "a")
	elsewhere.stuck.Store(true)
	require.Error(t, elsewhere.Settle(t.Context(), "ws", tokenprovider.TokenSHA256("token-a")))
	here.Store = tokenprovidertest.NewStore()
	elsewhere.Store = here.Store
	here.read(t) // it hasn't seen that, and puts the token back
	require.False(t, elsewhere.read(t).Gave("token-a"))
	require.False(t, here.read(t).Gave("token-a"), "it is on record")
	elsewhere.stuck.Store(false)
	require.NoError(t, elsewhere.Settle(t.Context(), "ws", ""))
	elsewhere.requireRevoked(t, "a")
	require.False(t, here.read(t).Gave("token-a"))
}
