package githubapp_test

import (
	"errors"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

// requireUncertain releases a workspace and returns until when it isn't known
// what that has.
func requireUncertain(t testing.TB, m *githubapp.WorkspaceMutator, workspaceID string) time.Time {
	t.Helper()
	registry := provisionhook.NewRegistry()
	registry.Register(provisionhook.Timeout(m, time.Minute))
	err := registry.Release(t.Context(), workspaceID)
	require.ErrorIs(t, err, githubapp.ErrReleaseUncertain)
	uncertain, ok := errors.AsType[*githubapp.ReleaseUncertainError](err)
	require.True(t, ok, "%v", err)
	require.ErrorContains(t, err, "at "+uncertain.Until.UTC().Format(time.RFC3339)+" it is dead in any case")
	return uncertain.Until
}

func TestAReleaseAfterARestartSaysThatItIsUncertain(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		token := p.start(t, p.process(t), "a")
		time.Sleep(10 * time.Minute)
		restarted := time.Now()
		m := p.process(t)
		until := requireUncertain(t, m, "a")
		require.WithinDuration(t, restarted.Add(time.Hour), until, 0)
		requireRefused(t, m, "a")
		time.Sleep(20 * time.Minute)
		require.WithinDuration(t, until, requireUncertain(t, m, "a"), 0, "another release puts nothing off")
		require.True(t, p.alive(t, token))
		time.Sleep(time.Until(until))
		require.NoError(t, m.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, token)
	})
}

func TestWhatStartedAfterTheProcessIsReleasedForSure(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		before := p.start(t, p.process(t), "a")
		m := p.process(t)
		b := p.start(t, m, "b")
		require.NoError(t, m.ReleaseWorkspace(t.Context(), "b"))
		p.requireDead(t, b)

		after := p.workspaceToken(t, m, "a") // it runs on
		until := requireUncertain(t, m, "a")
		p.requireDead(t, after)
		require.True(t, p.alive(t, before))
		time.Sleep(time.Until(until))
		require.NoError(t, m.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, before)
	})
}

func TestAReleaseAfterTheStoreWasEmptiedIsUncertain(t *testing.T) {
	for name, asks := range map[string]bool{"and nobody asked since": false, "and the workspace asked since": true} {
		t.Run(name, func(t *testing.T) {
			onPlatform(t, func(t *testing.T, p *platform) {
				one, two := p.replica(t), p.replica(t)
				token := p.start(t, one, "a")
				time.Sleep(time.Minute)
				p.store.Store = tokenprovidertest.NewStore()
				after := ""
				if asks {
					after = p.workspaceToken(t, two, "a")
					time.Sleep(time.Minute)
				}
				until := requireUncertain(t, two, "a")
				require.WithinRange(t, until, time.Now().Add(58*time.Minute), time.Now().Add(time.Hour))
				requireRefused(t, one, "a")
				if asks {
					p.requireDead(t, after)
				}
				time.Sleep(time.Until(until))
				require.NoError(t, one.ReleaseWorkspace(t.Context(), "a"))
				p.requireDead(t, token)
			})
		})
	}
}

func TestKeysThatDoNotOpenARecordAreNamed(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		one := p.replica(t)
		token := p.start(t, one, "a")
		two := p.replica(t, func(o *githubapp.Options) { o.SealKeys = [][]byte{make([]byte, 32)} })
		_, _, err := two.WorkspaceToken(t.Context(), "a")
		require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err))
		require.ErrorContains(t, err, `workspace "a"`)
		require.ErrorContains(t, err, "every replica needs in Options.SealKeys the keys that sealed it")
		require.WithinDuration(t, time.Now().Add(time.Hour), requireUncertain(t, two, "a"), 0)
		require.Contains(t, p.output.String(), "workspace's record can't be opened, so what it has isn't revoked")
		require.True(t, p.alive(t, token))
		require.Equal(t, token, p.workspaceToken(t, one, "a"), "nothing was overwritten")
		require.NoError(t, one.ReleaseWorkspace(t.Context(), "a"), "who has the key can")
		p.requireDead(t, token)
	})
}

func TestEnvironmentsWithPrefixesOfTheirOwnAreApart(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		production := p.replica(t)
		staging := p.replica(t, func(o *githubapp.Options) { o.Store = prefixed{p.store, "staging/"} })
		a, b := p.start(t, production, "a"), p.start(t, staging, "a")
		require.NoError(t, staging.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, b)
		require.Equal(t, a, p.workspaceToken(t, production, "a"))
		require.True(t, p.alive(t, a))
	})
}

func TestARecordInTheStoreIsOfItsWorkspaceAlone(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		spy := &copies{Store: p.store}
		m := p.replica(t, func(o *githubapp.Options) { o.Store = spy })
		a := p.start(t, m, "a")
		from, value := spy.key, spy.value
		p.start(t, m, "a2") // of the same scope
		to, old := spy.key, spy.value
		require.NotEqual(t, from, to)
		swapped, err := p.store.Swap(t.Context(), to, old, value, time.Hour)
		require.NoError(t, err)
		require.True(t, swapped)
		token, _, err := m.WorkspaceToken(t.Context(), "a2")
		require.NotEqual(t, a, token)
		require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err), "a writer of the Store gives nobody another's token")
	})
}

func TestTheStoreGoingAwayStopsNoTokens(t *testing.T) {
	for name, released := range map[string]bool{"and its workspace runs on": false, "and its workspace is released meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			onPlatform(t, func(t *testing.T, p *platform) {
				here := &switchedStore{Store: p.store} // as one replica reaches it
				one, two := p.replica(t, func(o *githubapp.Options) { o.Store = here }), p.replica(t)
				held := p.start(t, one, "a")
				here.away.Store(true)
				require.Equal(t, held, p.workspaceToken(t, one, "a"))
				began := time.Now()
				p.set("a", &contentsRead)
				given := p.workspaceToken(t, one, "a") // a mint
				fresh := p.start(t, one, "b")          // a start
				require.Zero(t, time.Since(began), "who knows that it is away waits for nothing")
				require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(one.ReleaseWorkspace(t.Context(), "a")))
				if released {
					require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
					p.requireDead(t, held)
					require.True(t, p.alive(t, given), "nobody else knows of it yet")
				}
				time.Sleep(10 * time.Minute)
				here.away.Store(false)
				time.Sleep(10 * time.Second)
				if !released {
					require.True(t, p.alive(t, given))
					require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
				}
				p.requireDead(t, held, given)
				requireUncertain(t, two, "b") // what it had before the outage isn't known
				p.requireDead(t, fresh)
				require.Contains(t, p.output.String(), "token handed out without a record: the store can't be reached")
			})
		})
	}
}

func TestAnOutageOfTheStoreCostsNoMintForEachCall(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		one := p.replica(t)
		p.start(t, one, "a")
		p.store.away.Store(true)
		p.store.calls.Store(0)
		for range 30 * 60 {
			p.workspaceToken(t, one, "a")
			time.Sleep(time.Second)
		}
		require.Equal(t, 1, p.Mints())
		require.LessOrEqual(t, p.store.calls.Load(), int64(30*60/5+1), "it is asked again after 5 s")
	})
}

func TestAWorkspaceThatStartsWhileTheStoreIsAwayLivesOn(t *testing.T) {
	for name, released := range map[string]bool{"after a release": true, "while it runs": false} {
		t.Run(name, func(t *testing.T) {
			onPlatform(t, func(t *testing.T, p *platform) {
				one, two := p.replica(t), p.replica(t)
				p.start(t, one, "a")
				if released {
					require.NoError(t, one.ReleaseWorkspace(t.Context(), "a"))
				}
				time.Sleep(time.Second)
				p.store.away.Store(true)
				token := p.start(t, one, "a")
				require.Equal(t, token, p.workspaceToken(t, one, "a"))
				time.Sleep(time.Minute)
				p.store.away.Store(false)
				p.workspaceToken(t, one, "a")
				time.Sleep(time.Minute)
				require.True(t, p.alive(t, token))
				p.workspaceToken(t, two, "a")
				require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
				p.requireDead(t, token)
				requireRefused(t, one, "a")
			})
		})
	}
}

func TestAStartWhileTheStoreIsAwayGetsNoDeadToken(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		one, two := p.replica(t), p.replica(t)
		old := p.start(t, one, "a")
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, old)
		p.store.away.Store(true)
		require.True(t, p.alive(t, p.start(t, one, "a")))
	})
}

func TestAStartBeforeAReleaseThatOthersMadeIsOver(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		here := &switchedStore{Store: p.store}
		one, two := p.replica(t, func(o *githubapp.Options) { o.Store = here }), p.replica(t)
		p.start(t, two, "a")
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		time.Sleep(time.Minute)
		here.away.Store(true)
		token := p.start(t, one, "a")
		time.Sleep(time.Minute)
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"), "it was released before")
		here.away.Store(false)
		time.Sleep(time.Minute)
		p.requireDead(t, token)
		requireRefused(t, one, "a")
	})
}
