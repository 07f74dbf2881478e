package githubapp_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// The change of the file is used up by Client.Check: Do doesn't see it any more.
func TestEyesAKeyFileThatChangedEndsALongHold(t *testing.T) {
	pem := [][]byte{testutil.RSAKeyPEM(t, 0), testutil.RSAKeyPEM(t, 1)}
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		file := filepath.Join(t.TempDir(), "app.pem")
		require.NoError(t, os.WriteFile(file, pem[0], 0o600))
		app := g.app(t, func(o *githubapp.Options) { o.PrivateKey, o.KeyFile = nil, file })
		g.RotateKeys(appID, &testutil.RSAKey(t, 1).PublicKey)
		i := app.Installation(installationID)
		for began := time.Now(); time.Since(began) < 40*time.Minute; time.Sleep(10 * time.Second) {
			g.tokenError(t, i)
		}
		for _, h := range app.Usage().Holds {
			t.Log(h.Subject, h.Code, time.Until(h.Until))
		}
		require.NoError(t, os.WriteFile(file, pem[1], 0o600))
		changed := time.Now()
		for {
			if _, _, err := i.Token(t.Context()); err == nil {
				break
			}
			time.Sleep(10 * time.Second)
		}
		t.Log("mended after", time.Since(changed))
		require.LessOrEqual(t, time.Since(changed), time.Minute)
	})
}

// Who is in the queue when a long limit begins isn't told of it.
func TestEyesALongRateLimitIsToldToWhoWaitsAlready(t *testing.T) {
	testutil.RSAKey(t, 0)
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		app := g.app(t)
		g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			time.Sleep(2 * time.Second)
			githubapptest.PrimaryLimit(403, 50*time.Minute)(w, r, next)
		}})
		took := make([]time.Duration, 4)
		codes := make([]tokenprovider.Code, 4)
		var all sync.WaitGroup
		for n, s := range []githubapp.Scope{widgets, contentsRead, issuesRead} {
			all.Go(func() {
				time.Sleep(time.Duration(n) * time.Millisecond)
				began := time.Now()
				_, _, err := app.Installation(installationID, s).Token(context.Background())
				took[n], codes[n] = time.Since(began), tokenprovider.CodeOf(err)
			})
		}
		all.Go(func() { // comes later, for the same token as one who waits
			time.Sleep(10 * time.Second)
			began := time.Now()
			_, _, err := app.Installation(installationID, contentsRead).Token(context.Background())
			took[3], codes[3] = time.Since(began), tokenprovider.CodeOf(err)
		})
		all.Wait()
		t.Log(took, codes)
		for n := range took {
			require.LessOrEqual(t, took[n], 2*time.Minute)
			require.Equal(t, tokenprovider.CodeRateLimited, codes[n])
		}
	})
}

// The same for a lookup, which waits without an end.
func TestEyesALongRateLimitIsToldToWhoLooksUp(t *testing.T) {
	testutil.RSAKey(t, 0)
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		app := g.app(t)
		g.Fail(githubapptest.Rule{Method: http.MethodGet, Fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			time.Sleep(2 * time.Second)
			githubapptest.PrimaryLimit(403, 50*time.Minute)(w, r, next)
		}, Times: 1})
		var all sync.WaitGroup
		took := make([]time.Duration, 2)
		for n, target := range []string{"acme/widgets", "acme/gadgets"} {
			all.Go(func() {
				time.Sleep(time.Duration(n) * time.Millisecond)
				began := time.Now()
				_, err := app.FindInstallation(context.Background(), target)
				took[n] = time.Since(began)
				t.Log(target, took[n], err)
			})
		}
		all.Wait()
		require.LessOrEqual(t, max(took[0], took[1]), 2*time.Minute)
	})
}

// Requests by many scopes of one installation in an hour, for each answer.
func TestEyesHowManyRequestsEachAnswerCosts(t *testing.T) {
	testutil.RSAKey(t, 0)
	for name, fault := range map[string]githubapptest.Fault{
		"404 html": githubapptest.HTML(404), "404 json": githubapptest.Refusal(404, "no Route matched with those values"),
		"410 html": githubapptest.HTML(410),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGitHub(t, &githubapptest.Options{InMemory: true})
				app := g.app(t, quiet)
				g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: fault})
				const many = 40
				codes := map[tokenprovider.Code]int{}
				for began := time.Now(); time.Since(began) < time.Hour; time.Sleep(10 * time.Second) {
					for n := range many {
						ctx, cancel := context.WithTimeout(t.Context(), time.Second)
						_, _, err := app.Installation(installationID, ofRepository(n)).Token(ctx)
						cancel()
						codes[tokenprovider.CodeOf(err)]++
					}
				}
				t.Log(name, len(g.Requests()), "requests of", many, "scopes", codes)
				require.LessOrEqual(t, len(g.Requests()), 12*many)
			})
		})
	}
}

type repository struct{}

func wants(t testing.TB, name string) context.Context {
	return context.WithValue(t.Context(), repository{}, name)
}

// byRepository is a policy that chooses by what the token is wanted for.
func byRepository(ctx context.Context, _ string) (int64, githubapp.Scope, error) {
	if ctx.Value(repository{}) == "globex" {
		return 43, contentsRead, nil
	}
	return installationID, contentsRead, nil
}

func alternating(t *testing.T, f func(t *testing.T, p *platform, app *githubapp.App, m *githubapp.WorkspaceMutator)) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.AddInstallation(githubapptest.Installation{ID: 43, AppID: appID, Account: "globex", Repositories: []string{"globex/x"}})
		app := p.app(t)
		f(t, p, app, newWorkspaceMutator(t, app, byRepository, nil))
	})
}

func askFor(t testing.TB, m *githubapp.WorkspaceMutator, name string) string {
	t.Helper()
	token, _, err := m.WorkspaceToken(wants(t, name), "a")
	require.NoError(t, err)
	return token
}

func TestEyesAReportOfOneOfTwoTokensOfAWorkspaceIsHeeded(t *testing.T) {
	alternating(t, func(t *testing.T, _ *platform, _ *githubapp.App, m *githubapp.WorkspaceMutator) {
		acme := askFor(t, m, "acme")
		askFor(t, m, "globex")
		time.Sleep(time.Minute)
		require.True(t, m.Invalidate(acme))
		require.NotEqual(t, acme, askFor(t, m, "acme"))
	})
}

func TestEyesOneOfTwoTokensOfAWorkspaceThatIsRevokedIsDropped(t *testing.T) {
	alternating(t, func(t *testing.T, p *platform, app *githubapp.App, m *githubapp.WorkspaceMutator) {
		acme := askFor(t, m, "acme")
		askFor(t, m, "globex")
		require.NoError(t, app.Revoke(t.Context(), acme))
		require.NotEqual(t, acme, askFor(t, m, "acme"))
	})
}

func TestEyesOneOfTwoTokensOfAWorkspaceDiesWithItsInstallation(t *testing.T) {
	alternating(t, func(t *testing.T, p *platform, app *githubapp.App, m *githubapp.WorkspaceMutator) {
		acme := askFor(t, m, "acme")
		askFor(t, m, "globex")
		h := receiver(t, app)
		p.Suspend(installationID, true)
		deliver(h, delivery("installation", `{"action":"suspend","installation":{"id":42}}`))
		token, _, err := m.WorkspaceToken(wants(t, "acme"), "a")
		require.NotEqual(t, acme, token, "it is dead")
		require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err))
	})
}

func TestEyesTheBackOffOfOneOfTwoTokensEndsWithAWebhook(t *testing.T) {
	alternating(t, func(t *testing.T, p *platform, app *githubapp.App, m *githubapp.WorkspaceMutator) {
		h := receiver(t, app)
		p.Suspend(installationID, true)
		for began := time.Now(); time.Since(began) < 40*time.Minute; time.Sleep(10 * time.Second) {
			_, _, err := m.WorkspaceToken(wants(t, "acme"), "a")
			require.Error(t, err)
			askFor(t, m, "globex")
		}
		p.Suspend(installationID, false)
		deliver(h, delivery("installation", `{"action":"unsuspend","installation":{"id":42}}`))
		_, _, err := m.WorkspaceToken(wants(t, "acme"), "a")
		require.NoError(t, err)
	})
}

// A workspace that starts again while the Store is away loses its token when the
// Store answers, and gets none until it is started once more.
func TestEyesAWorkspaceThatStartsWhileTheStoreIsAwayLivesOn(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		m := p.replica(t)
		p.start(t, m, "a")
		require.NoError(t, m.ReleaseWorkspace(t.Context(), "a"))
		p.store.away.Store(true)
		token := p.start(t, m, "a")
		require.True(t, p.alive(t, token))
		time.Sleep(time.Minute)
		p.store.away.Store(false)
		time.Sleep(time.Minute)
		_, _, err := m.WorkspaceToken(t.Context(), "a")
		t.Log("injected token alive:", p.alive(t, token), "; asking again:", err)
		require.NoError(t, err)
		require.True(t, p.alive(t, token))
	})
}

func TestEyesMintsOfSharedTokensAreCountedOnce(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.opts.ShareTokens = true
		m := p.process(t)
		for n := range 6 {
			p.workspaceToken(t, m, "a")
			require.EqualValues(t, n+1, p.Mints())
			t.Log(p.Mints(), m.Status().Mints)
			time.Sleep(61 * time.Minute)
		}
		require.EqualValues(t, p.Mints(), m.Status().Mints)
	})
}

func TestEyesWorkspacesWhoseRecordsCannotBeOpenedFailInTheStatus(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		one := p.replica(t)
		two := p.replica(t, func(o *githubapp.Options) { o.SealKeys = [][]byte{make([]byte, 32)} })
		for n := range 5 {
			p.table.all = &widgets
			p.start(t, one, fmt.Sprint(n))
			_, _, err := two.WorkspaceToken(t.Context(), fmt.Sprint(n))
			require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err))
		}
		s := two.Status()
		t.Log(s.State, s.Failing, s.Of)
		require.Equal(t, 5, s.Failing)
	})
}

// Who has its token waits for the revocation of the old one, whatever its ctx says.
func TestEyesNobodyWaitsForARevocationBeyondItsContext(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		m := p.process(t)
		token := p.start(t, m, "a")
		time.Sleep(time.Minute)
		p.Fail(githubapptest.Rule{Method: http.MethodDelete, Fault: githubapptest.Delay(14 * time.Second)})
		require.True(t, m.Invalidate(token))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		_, _, err := m.WorkspaceToken(ctx, "a")
		require.NoError(t, err)
		t.Log("took", time.Since(began))
		require.LessOrEqual(t, time.Since(began), 4*time.Second)
	})
}

func TestEyesATokenThatIsReportedWhileTheNextRipensIsRevoked(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		m := p.process(t)
		old := p.start(t, m, "a")
		time.Sleep(46 * time.Minute)
		require.Equal(t, old, p.workspaceToken(t, m, "a"))
		time.Sleep(time.Second) // the next one ripens
		require.Equal(t, 2, p.Mints())
		require.True(t, m.Invalidate(old))
		require.NotEqual(t, old, p.workspaceToken(t, m, "a"))
		require.False(t, p.alive(t, old), "it was reported and replaced")
	})
}

func TestEyesATokenThatIsReportedAfterAnotherReplicasRefreshIsRevoked(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		one, two := p.replica(t), p.replica(t)
		old := p.start(t, one, "a")
		require.Equal(t, old, p.workspaceToken(t, two, "a"))
		time.Sleep(41 * time.Minute)
		ctx := tokenprovider.WithMinTTL(t.Context(), 30*time.Minute)
		fresh, _, err := two.WorkspaceToken(ctx, "a")
		require.NoError(t, err)
		require.NotEqual(t, old, fresh)
		require.True(t, one.Invalidate(old))
		require.Equal(t, fresh, p.workspaceToken(t, one, "a"))
		require.False(t, p.alive(t, old), "it was reported and replaced")
	})
}

// One answer of a gateway's makes an installation that was found one that isn't
// there.
func TestEyesWhatWasFoundIsServedOnWhenAGatewayAnswers404(t *testing.T) {
	testutil.RSAKey(t, 0)
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		app := g.app(t)
		_, err := app.FindInstallation(t.Context(), "acme")
		require.NoError(t, err)
		time.Sleep(11 * time.Minute)
		g.Fail(githubapptest.Rule{Fault: githubapptest.HTML(404), Times: 1})
		_, err = app.FindInstallation(t.Context(), "acme")
		t.Log(err)
		require.NoError(t, err)
	})
}

func TestEyesARevocationThatBreaksHoldsNoOtherBack(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.table.all = &widgets
		m := p.process(t)
		bad := p.start(t, m, "bad")
		for n := range 5 {
			p.start(t, m, fmt.Sprint(n))
		}
		p.Fail(githubapptest.Rule{Method: http.MethodDelete, Fault: githubapptest.HTML(502), Match: func(r *http.Request) bool {
			return r.Header.Get("Authorization") == "Bearer "+bad
		}})
		for range 60 { // a platform that tries again each second
			require.Error(t, m.ReleaseWorkspace(t.Context(), "bad"))
			time.Sleep(time.Second)
		}
		err := m.ReleaseWorkspace(t.Context(), "0")
		require.NoError(t, err)
	})
}

func TestEyesRevocationsUnderWayAreBounded(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.table.all = &widgets
		m := p.process(t)
		for n := range 200 {
			p.start(t, m, fmt.Sprint(n))
		}
		var now, most atomic.Int64
		p.Fail(githubapptest.Rule{Method: http.MethodDelete, Fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			next.ServeHTTP(w, r)
		}})
		var all sync.WaitGroup
		for n := range 200 {
			all.Go(func() { _ = m.ReleaseWorkspace(context.Background(), fmt.Sprint(n)) })
		}
		all.Wait()
		t.Log(most.Load(), "at the same time")
		require.LessOrEqual(t, most.Load(), int64(100), "GitHub's documented bound")
	})
}

// A mint that is answered 404 for some minutes, of an installation that is there.
func TestEyesAnInstallationThatIsThereIsNotHeldForLong(t *testing.T) {
	testutil.RSAKey(t, 0)
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		app := g.app(t)
		stop := g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: githubapptest.Refusal(404, "Not Found")})
		i := app.Installation(installationID)
		for began := time.Now(); time.Since(began) < 8*time.Minute; time.Sleep(5 * time.Second) {
			require.Equal(t, tokenprovider.CodeUnavailable, g.tokenError(t, i).Code)
		}
		stop()
		mended := time.Now()
		for {
			if _, _, err := i.Token(t.Context()); err == nil {
				break
			}
			time.Sleep(5 * time.Second)
		}
		t.Log("a token came", time.Since(mended), "after GitHub was well again")
		require.LessOrEqual(t, time.Since(mended), 2*time.Minute)
	})
}

// The process that ran before gave the workspace a token; a start after that is
// taken for its first.
func TestEyesAReleaseAfterAStartInANewProcessIsUncertain(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		old := p.start(t, p.process(t), "a")
		time.Sleep(10 * time.Minute)
		m := p.process(t)
		p.start(t, m, "a") // it was stopped, and is started again
		err := m.ReleaseWorkspace(t.Context(), "a")
		if err == nil {
			p.requireDead(t, old)
		}
	})
}

// What is injected can't be replaced.
func TestEyesAStartIsNotGivenATokenThatDiesInAMoment(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		m := p.process(t)
		p.start(t, m, "a")
		time.Sleep(59 * time.Minute)
		p.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: githubapptest.Delay(5 * time.Second)})
		token := p.start(t, m, "a")
		time.Sleep(2 * time.Minute)
		require.True(t, p.alive(t, token), "two minutes after its start the workspace has no token")
	})
}

func TestEyesARecordedDeliveryIsNotTakenUnderAnotherID(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	i, h := app.Installation(installationID), receiver(t, app)
	for n := range 10 {
		g.mint(t, i)
		r := delivery("installation", `{"action":"suspend","installation":{"id":42}}`)
		r.Header.Set("X-GitHub-Delivery", fmt.Sprint(n)) // isn't signed
		t.Log(deliver(h, r))
	}
	require.LessOrEqual(t, g.Mints(), 2)
}

// GitHub rehearses the end of a version for some minutes: held a minute at most.
func TestEyesARehearsalOfAVersionsEndIsOverSoon(t *testing.T) {
	testutil.RSAKey(t, 0)
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		app := g.app(t)
		stop := g.Fail(githubapptest.Rule{Fault: githubapptest.Refusal(410, "This API version is no longer supported")})
		i := app.Installation(installationID)
		for began := time.Now(); time.Since(began) < 8*time.Minute; time.Sleep(5 * time.Second) {
			require.Equal(t, tokenprovider.CodeInvalidRequest, g.tokenError(t, i).Code)
		}
		stop()
		mended := time.Now()
		for {
			if _, _, err := i.Token(t.Context()); err == nil {
				break
			}
			time.Sleep(5 * time.Second)
		}
		t.Log("a token came", time.Since(mended), "after GitHub was well again")
		require.LessOrEqual(t, time.Since(mended), 2*time.Minute)
	})
}

// That GitHub doesn't know the app says nothing about an account.
func TestEyesWhatWasFoundIsServedOnWhenTheAppIsRefused(t *testing.T) {
	testutil.RSAKey(t, 0)
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		app := g.app(t)
		_, err := app.FindInstallation(t.Context(), "acme")
		require.NoError(t, err)
		time.Sleep(11 * time.Minute)
		g.Fail(githubapptest.Rule{Fault: githubapptest.AppNotFound, Times: 1})
		_, _, err = app.Installation(installationID).Token(t.Context())
		require.Equal(t, tokenprovider.CodeNotFound, tokenprovider.CodeOf(err))
		_, err = app.FindInstallation(t.Context(), "acme")
		require.NoError(t, err, "no request was made for it")
	})
}

// The life of before, whose token is dead, is the last that this replica knows.
func TestEyesAStartWhileTheStoreIsAwayGetsNoTokenOfTheLastLife(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		one, two := p.replica(t), p.replica(t)
		p.start(t, one, "a")
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		p.store.away.Store(true)
		require.True(t, p.alive(t, p.start(t, one, "a")), "the token that is injected is dead")
	})
}

// Other scopes of the installation lose nothing with a repository.
func TestEyesARepositoryThatIsRemovedCostsOtherScopesNothing(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		app := p.app(t, func(o *githubapp.Options) { o.Store, o.SealKeys = p.store, [][]byte{make([]byte, 32)} })
		other := p.app(t, func(o *githubapp.Options) { o.Store, o.SealKeys = p.store, [][]byte{make([]byte, 32)} })
		h := receiver(t, app)
		kept, _ := p.mint(t, other.Installation(installationID, widgets)) // another replica's, in the Store
		deliver(h, delivery("installation_repositories", `{"action":"removed","installation":{"id":42},"repositories_removed":[{"id":99,"name":"gadgets"}]}`))
		token, _ := p.mint(t, app.Installation(installationID, widgets))
		require.Equal(t, kept, token)
	})
}
