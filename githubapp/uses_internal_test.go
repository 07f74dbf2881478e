package githubapp

import (
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// inLife is the key of the workspace ws in one of its lives.
func inLife(i *Installation, generation string) workspaceKey {
	return workspaceKey{workspace: "ws", generation: generation, installation: i}
}

func TestARefusedTokenIsReplacedByAnotherOneOnly(t *testing.T) {
	var u uses
	c, key := tokenprovider.NewCache(nil, nil), inLife(&Installation{}, "1")
	require.Empty(t, u.note(key, c, "a", nil))
	a := tokenprovider.TokenSHA256("a")
	u.refused(key, a)
	require.Empty(t, u.note(key, c, "a", nil), "it is served on: it must not be revoked")
	require.Equal(t, a, u.note(key, c, "b", nil))
	require.Empty(t, u.note(key, c, "c", nil))
	require.Len(t, u.tokens, 1, "what was handed out before is forgotten")
}

func TestARefusalInAFormerLifeIsNotOneInTheNext(t *testing.T) {
	var u uses
	i := &Installation{}
	former, next := inLife(i, "1"), inLife(i, "2")
	c := tokenprovider.NewCache(nil, nil)
	u.note(former, c, "a", nil)
	u.note(next, c, "b", nil)
	u.refused(former, "former")
	require.Empty(t, u.refusedOf(next))
	u.refused(next, "next")
	require.Equal(t, "next", u.refusedOf(next))
	require.Empty(t, u.refusedOf(former))
}

func TestTheLastLifeIsTheOneThatWasUsedLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var u uses
		c, one, other := tokenprovider.NewCache(nil, nil), &Installation{}, &Installation{}
		for _, key := range []workspaceKey{inLife(one, "1"), inLife(other, "2"), inLife(one, "3")} {
			time.Sleep(time.Second)
			u.note(key, c, "a", nil)
			require.Equal(t, key.generation, u.generation("ws"))
		}
	})
}

func TestAReleasedWorkspacesTokenIsHeldNoLonger(t *testing.T) {
	var u uses
	c, key := tokenprovider.NewCache(tokenprovider.Static("a"), nil), inLife(&Installation{}, "1")
	_, _, err := c.Token(t.Context())
	require.NoError(t, err)
	u.note(key, c, "a", nil)
	u.end("ws")
	require.Equal(t, tokenprovider.StateEmpty, c.State())
	require.Empty(t, u.tokens)
	require.Empty(t, u.of)
}

func TestAnIssuerKnowsWhenItsLastTokenWasMintedOnly(t *testing.T) {
	var s issuer
	_, known := s.MintedAt("a")
	require.False(t, known)
	now := time.Now()
	s.delivered.Store(&issued{shortHash("a"), now})
	at, known := s.MintedAt("a")
	require.True(t, known)
	require.Equal(t, now, at)
	_, known = s.MintedAt("b")
	require.False(t, known)
}

func TestCountsOfWhatIsCollectedGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var u uses
		c := tokenprovider.NewCache(nil, nil)
		u.note(installationUse(&Installation{}), c, "a", nil)
		require.Len(t, u.counted, 1)
		for range 3 {
			time.Sleep(2 * idleUse)
			runtime.GC()
			u.status()
		}
		require.Empty(t, u.counted)
	})
}

func TestMintsAreCountedOnAndWaitsAreNoFailures(t *testing.T) {
	require.EqualValues(t, 2, since(5, 3))
	require.EqualValues(t, 3, since(3, 5), "of another cache, which began anew")
	var u uses
	u.minted(nil)
	u.minted(errors.New("no answer"))
	u.minted(&tokenprovider.Error{Code: tokenprovider.CodeRateLimited})
	require.EqualValues(t, 1, u.status().Mints)
	require.EqualValues(t, 1, u.status().Failures)
}
