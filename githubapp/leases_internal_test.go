package githubapp

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// leased returns an Installation as leases see it, with a token in its cache.
func leased(t *testing.T) *Installation {
	i := new(Installation)
	i.cache.Store(tokenprovider.NewCache(tokenprovider.Static("held"), nil))
	_, _, err := i.cache.Load().Token(t.Context())
	require.NoError(t, err)
	return i
}

func lease(token string, life time.Duration) issued {
	return issued{secret.New(token), time.Now().Add(life)}
}

func names(tokens []issued) (names []string) {
	for _, t := range tokens {
		names = append(names, t.token.Reveal())
	}
	return names
}

func ended(tokens []issued, _ []*Installation) []string { return names(tokens) }

func TestATokenThatComesAfterTheReleaseIsOrphanedUnlessShared(t *testing.T) {
	var l leases
	i := leased(t)
	l.take("a", i)
	require.Empty(t, ended(l.end("a")))
	_, _, err := i.cache.Load().Token(t.Context()) // it arrives late
	require.NoError(t, err)
	kept, orphaned := l.issue("a", i, lease("late", time.Hour))
	require.False(t, kept)
	require.True(t, orphaned)
	require.Empty(t, i.cache.Load().Status().TokenSHA256, "nobody is handed it any more")

	l.take("a", i)
	l.take("b", i)
	require.Empty(t, ended(l.end("a")))
	kept, orphaned = l.issue("a", i, lease("shared", time.Hour))
	require.False(t, kept)
	require.False(t, orphaned, "b may have it")
}

func TestAShareIsLetGoWhenItsTokensAreDeadAndNobodyUsesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l leases
		gone, held, used := leased(t), leased(t), leased(t)
		for _, i := range []*Installation{gone, held, used} {
			l.take("a", i)
		}
		l.issue("a", gone, lease("dying", time.Hour))
		l.issue("a", held, lease("long", 2*time.Hour))
		time.Sleep(time.Hour)
		require.Len(t, l.installations(), 3)
		l.take("a", used)
		time.Sleep(time.Minute)
		require.ElementsMatch(t, []*Installation{held, used}, l.installations())
		time.Sleep(2 * time.Hour)
		l.take("b", used)
		require.Len(t, l.shares, 1, "who asks for tokens makes room")
	})
}

func TestADeadTokenIsNeitherKeptNorRevoked(t *testing.T) {
	var l leases
	i := leased(t)
	l.take("a", i)
	l.issue("a", i, lease("dead", -time.Second))
	l.issue("a", i, lease("live", time.Hour))
	l.issue("a", i, lease("live", time.Hour))
	require.Equal(t, []string{"live"}, names(l.shares[i].tokens))
	l.issue("a", i, lease("dying", 0))
	require.Equal(t, []string{"live"}, ended(l.end("a")))

	l.keep("a", lease("unreachable", time.Hour))
	l.keep("a", lease("dead", 0))
	require.Equal(t, []string{"unreachable"}, ended(l.end("a")))
	l.keep("b", lease("dead", 0))
	l.keep("a", lease("live", time.Hour))
	require.NotContains(t, l.undead, "b", "it would be kept for ever")
}
