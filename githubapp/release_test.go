package githubapp_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestAnyReplicaReleasesAWorkspace(t *testing.T) {
	withAndWithoutAStore(t, func(t *testing.T, p *platform, one, two *githubapp.WorkspaceMutator) {
		a, a2 := p.start(t, one, "a"), p.start(t, one, "a2")
		p.set("a", nil)
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"), "though neither the policy nor this replica knows it")
		p.requireDead(t, a)
		require.True(t, p.alive(t, a2))
		before := len(p.Requests())
		require.NoError(t, one.ReleaseWorkspace(t.Context(), "a"))
		require.Len(t, p.Requests(), before, "what is revoked isn't revoked again")
	})
}

// contended is a Store in which somebody else always was first.
type contended struct{ tokenprovider.Store }

func (contended) Swap(context.Context, string, []byte, []byte, time.Duration) (bool, error) {
	return false, nil
}

func TestAReleaseThatOthersPreventIsToBeTriedAgain(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.start(t, p.replica(t), "a")
		p.store.Store = contended{p.store.Store}
		err := p.replica(t).ReleaseWorkspace(t.Context(), "a")
		require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
		require.ErrorContains(t, err, "release it again")
	})
}

func TestAWorkspaceWithoutAnIDIsNotReleased(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		require.Equal(t, tokenprovider.CodeInvalidRequest,
			tokenprovider.CodeOf(p.process(t).ReleaseWorkspace(t.Context(), "")))
	})
}

func TestAReleasedWorkspaceGetsNothingUntilItStarts(t *testing.T) {
	withAndWithoutAStore(t, func(t *testing.T, p *platform, one, two *githubapp.WorkspaceMutator) {
		old := p.start(t, one, "a")
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		for _, m := range []*githubapp.WorkspaceMutator{one, two} {
			requireRefused(t, m, "a")
		}
		require.Equal(t, 1, p.Mints())
		fresh := p.start(t, one, "a") // this replica held the old one in memory
		require.NotEqual(t, old, fresh)
		require.True(t, p.alive(t, fresh))
		require.Equal(t, fresh, p.workspaceToken(t, two, "a"))
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, fresh)
	})
}

func TestAWorkspaceThatStartsAgainNeedsNoInjectedToken(t *testing.T) {
	for name, opts := range map[string]githubapp.MutatorOptions{
		"nothing is injected":    {EnvNames: []string{}},
		"a token of the user's":  {KeepExisting: true},
		"the Store is away then": {EnvNames: []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			onPlatform(t, func(t *testing.T, p *platform) {
				p.opts = opts
				one, two := p.replica(t), p.replica(t)
				start := func() {
					env := map[string]string{"GH_TOKEN": "ghp_own"}
					require.NoError(t, one.MutateEnv(t.Context(), "a", env))
					require.Equal(t, "ghp_own", env["GH_TOKEN"])
				}
				start()
				require.Zero(t, p.Mints())
				old := p.workspaceToken(t, two, "a")
				require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
				p.requireDead(t, old)
				requireRefused(t, one, "a")

				time.Sleep(time.Second)
				p.store.away.Store(name == "the Store is away then")
				start()
				p.store.away.Store(false)
				time.Sleep(time.Minute)
				fresh := p.workspaceToken(t, one, "a")
				require.True(t, p.alive(t, fresh))
				require.Equal(t, fresh, p.workspaceToken(t, two, "a"))
				require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
				p.requireDead(t, fresh)
			})
		})
	}
}

func TestAReleaseRevokesAllThatTheWorkspaceWasGiven(t *testing.T) {
	withAndWithoutAStore(t, func(t *testing.T, p *platform, one, two *githubapp.WorkspaceMutator) {
		first := p.start(t, one, "a")
		time.Sleep(46 * time.Minute)
		p.workspaceToken(t, one, "a")
		time.Sleep(10 * time.Second)
		second := p.workspaceToken(t, one, "a") // by a refresh
		p.set("a", &contentsRead)
		third := p.workspaceToken(t, two, "a") // of another scope
		p.set("a", &widgets)
		require.Equal(t, second, p.workspaceToken(t, two, "a"), "it is as good as it was")
		require.Len(t, map[string]bool{first: true, second: true, third: true}, 3)
		require.True(t, p.alive(t, first), "programs may go on with it")
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, first, second, third)
	})
}

func TestATokenThatIsReportedIsReplacedAndThenRevoked(t *testing.T) {
	withAndWithoutAStore(t, func(t *testing.T, p *platform, one, two *githubapp.WorkspaceMutator) {
		refused := p.start(t, one, "a")
		other := p.start(t, one, "a2")
		time.Sleep(time.Minute)
		require.False(t, one.Invalidate("ghs_another"))
		require.True(t, p.alive(t, refused))
		require.True(t, one.Invalidate(refused))
		fresh := p.workspaceToken(t, one, "a")
		require.NotEqual(t, refused, fresh)
		p.requireDead(t, refused)
		require.Equal(t, fresh, p.workspaceToken(t, two, "a"), "no replica takes the old one")
		require.True(t, p.alive(t, other))
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, fresh)
	})
}

func TestAReplicaHandsOutNothingThatAnotherRevoked(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		one, two := p.replica(t), p.replica(t)
		refused := p.start(t, one, "a")
		require.Equal(t, refused, p.workspaceToken(t, two, "a"))
		time.Sleep(time.Minute)
		require.True(t, one.Invalidate(refused))
		require.Equal(t, refused, p.workspaceToken(t, two, "a"), "it is a claim until it is replaced")
		fresh := p.workspaceToken(t, one, "a")
		require.Equal(t, fresh, p.workspaceToken(t, two, "a"))
		require.Equal(t, 2, p.Mints())
	})
}

// atMessage is a log handler that calls f at a message.
type atMessage struct {
	slog.Handler
	message string
	f       func()
}

func (h atMessage) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == h.message {
		h.f()
	}
	return nil
}

func TestWhoAsksWhileATokenIsReportedGetsAnother(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		var m *githubapp.WorkspaceMutator
		var asked string
		m = p.replica(t, func(o *githubapp.Options) {
			o.Logger = slog.New(atMessage{o.Logger.Handler(), "token invalidated", func() { asked = p.workspaceToken(t, m, "a") }})
		})
		refused := p.start(t, m, "a")
		time.Sleep(time.Minute)
		require.True(t, m.Invalidate(refused))
		require.NotEmpty(t, asked)
		require.NotEqual(t, refused, asked)
		p.requireDead(t, refused)
	})
}

func TestATokenThatIsMintedDuringAReleaseIsRevoked(t *testing.T) {
	withAndWithoutAStore(t, func(t *testing.T, p *platform, one, two *githubapp.WorkspaceMutator) {
		var late string
		release := func(token string) {
			late = token
			if err := two.ReleaseWorkspace(context.Background(), "a"); err != nil {
				t.Error(err)
			}
		}
		p.atMint(t, release)
		err := one.MutateEnv(t.Context(), "a", map[string]string{})
		require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err), "%v", err)
		p.requireDead(t, late)

		held := p.start(t, one, "a")
		time.Sleep(50 * time.Minute)
		p.atMint(t, release)
		p.workspaceToken(t, one, "a") // a refresh begins in the background
		synctest.Wait()
		p.requireDead(t, held, late)
		requireRefused(t, one, "a")
		require.True(t, p.alive(t, p.start(t, one, "a")), "who starts anew waits for nothing")
	})
}

func TestWhatCouldNotBeRevokedTheNextReleaseRevokes(t *testing.T) {
	withAndWithoutAStore(t, func(t *testing.T, p *platform, one, two *githubapp.WorkspaceMutator) {
		token := p.start(t, one, "a")
		stop := p.Fail(githubapptest.Rule{Method: http.MethodDelete, Fault: githubapptest.HTML(http.StatusServiceUnavailable)})
		err := two.ReleaseWorkspace(t.Context(), "a")
		require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err), "%v", err)
		require.True(t, p.alive(t, token))
		requireRefused(t, one, "a")
		again := p.start(t, one, "a")
		require.NotEqual(t, token, again, "it isn't handed out again")
		stop()
		time.Sleep(time.Minute)
		require.NoError(t, one.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, token, again)
		testutil.RequireRedacted(t, one, token)
	})
}

func TestATokenThatDiesDuringItsReleaseIsNoError(t *testing.T) {
	withAndWithoutAStore(t, func(t *testing.T, p *platform, one, two *githubapp.WorkspaceMutator) {
		token := p.start(t, one, "a")
		time.Sleep(time.Hour - time.Second)
		p.Fail(githubapptest.Rule{Method: http.MethodDelete, Fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			time.Sleep(3 * time.Second)
			githubapptest.HTML(http.StatusServiceUnavailable)(w, r, next)
		}})
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, token)
	})
}

func TestWhoLeavesAReleaseDoesNotMakeTheStoreAway(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		one, two := p.replica(t), p.replica(t)
		a := p.start(t, one, "a")
		gone, leave := context.WithCancel(t.Context())
		leave()
		require.ErrorIs(t, one.ReleaseWorkspace(gone, "a"), context.Canceled)
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		requireRefused(t, one, "a")
		p.requireDead(t, a)
		require.NotContains(t, p.output.String(), "token store failed")
	})
}

func TestAnAppsOwnRevocationIsHeededByEachReplica(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		var app *githubapp.App
		one := p.replica(t)
		two := p.replica(t)
		operator := p.replica(t, func(o *githubapp.Options) {
			a, err := githubapp.New(*o)
			require.NoError(t, err)
			app = a
		})
		leaked := p.start(t, one, "a")
		require.NoError(t, app.Revoke(t.Context(), leaked))
		require.NotEqual(t, leaked, p.workspaceToken(t, two, "a"))
		fresh := p.workspaceToken(t, operator, "a")
		require.True(t, p.alive(t, fresh))
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, leaked, fresh)
	})
}

func TestNoTokenOutlivesItsWorkspaceWhateverTheOrder(t *testing.T) {
	withAndWithoutAStore(t, func(t *testing.T, p *platform, one, two *githubapp.WorkspaceMutator) {
		p.SetLatency(50 * time.Millisecond)
		var (
			mu     sync.Mutex
			tokens = map[string]bool{}
			all    sync.WaitGroup
		)
		for n := range 40 {
			m, workspaceID := []*githubapp.WorkspaceMutator{one, two}[n%2], []string{"a", "a2", "b"}[n%3]
			all.Go(func() {
				for round := range 5 {
					time.Sleep(time.Duration(n*round%7) * 20 * time.Millisecond)
					var token string
					var err error
					switch n % 4 {
					case 0:
						err = m.ReleaseWorkspace(t.Context(), workspaceID)
					case 1:
						env := map[string]string{}
						err = m.MutateEnv(t.Context(), workspaceID, env)
						token = env["GH_TOKEN"]
					default:
						token, _, err = m.WorkspaceToken(t.Context(), workspaceID)
					}
					if code := tokenprovider.CodeOf(err); err != nil && !errors.Is(err, githubapp.ErrReleaseUncertain) && code != tokenprovider.CodeForbidden {
						t.Error(err)
					}
					mu.Lock()
					if token != "" {
						tokens[token] = true
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		time.Sleep(time.Second)
		p.SetLatency(0)
		for _, workspaceID := range []string{"a", "a2", "b"} {
			err := two.ReleaseWorkspace(t.Context(), workspaceID)
			require.True(t, err == nil || errors.Is(err, githubapp.ErrReleaseUncertain), "%v", err)
		}
		require.NotEmpty(t, tokens)
		for token := range tokens {
			p.requireDead(t, token)
		}
		require.Zero(t, two.Status().Of)
	})
}
