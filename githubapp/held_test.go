package githubapp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
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

func TestAKeyFileThatChangedEndsALongHold(t *testing.T) {
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
		require.NotEmpty(t, app.Usage().Holds)
		require.NoError(t, os.WriteFile(file, pem[1], 0o600))
		changed := time.Now()
		for {
			if _, _, err := i.Token(t.Context()); err == nil {
				break
			}
			time.Sleep(10 * time.Second)
		}
		require.LessOrEqual(t, time.Since(changed), time.Minute)
	})
}

func TestALongRateLimitIsToldToWhoWaitsAlready(t *testing.T) {
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
		for n := range took {
			require.LessOrEqual(t, took[n], 2*time.Minute)
			require.Equal(t, tokenprovider.CodeRateLimited, codes[n])
		}
	})
}

func TestALongRateLimitIsToldToWhoLooksUp(t *testing.T) {
	testutil.RSAKey(t, 0)
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		app := g.app(t)
		g.Fail(githubapptest.Rule{Method: http.MethodGet, Fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			time.Sleep(2 * time.Second)
			githubapptest.PrimaryLimit(403, 50*time.Minute)(w, r, next)
		}, Times: 1})
		var all sync.WaitGroup
		took, codes := make([]time.Duration, 2), make([]tokenprovider.Code, 2)
		for n, target := range []string{"acme/widgets", "acme/gadgets"} {
			all.Go(func() {
				time.Sleep(time.Duration(n) * time.Millisecond)
				began := time.Now()
				_, err := app.FindInstallation(context.Background(), target)
				took[n], codes[n] = time.Since(began), tokenprovider.CodeOf(err)
			})
		}
		all.Wait()
		require.LessOrEqual(t, max(took[0], took[1]), 2*time.Minute)
		require.Equal(t, []tokenprovider.Code{"rate_limited", "rate_limited"}, codes)
	})
}

// TestWhateverRefusesAMintIsAskedOnceForAllScopes counts the requests of many
// scopes of one installation in an hour.
func TestWhateverRefusesAMintIsAskedOnceForAllScopes(t *testing.T) {
	testutil.RSAKey(t, 0)
	for name, fault := range map[string]githubapptest.Fault{
		"404 html": githubapptest.HTML(404), "404 json": githubapptest.Refusal(404, "no Route matched with those values"),
		"410 html": githubapptest.HTML(410), "403 html": githubapptest.HTML(403),
		"403 of an allow list": githubapptest.Refusal(403, "your IP address is not permitted to access this resource"),
		"200":                  githubapptest.HTML(200), "204": githubapptest.Body(204, "", ""), "400": githubapptest.HTML(400),
		"407": githubapptest.HTML(407), "451": githubapptest.Refusal(451, "blocked"),
		"a redirect":              githubapptest.Redirect(302, "https://login.example/"),
		"permissions not granted": githubapptest.PermissionNotGranted, // that all of them ask for
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGitHub(t, &githubapptest.Options{InMemory: true})
				app := g.app(t, quiet)
				g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: fault})
				const many = 8
				codes := map[tokenprovider.Code]int{}
				for began := time.Now(); time.Since(began) < time.Hour; time.Sleep(10 * time.Second) {
					for n := range many {
						ctx, cancel := context.WithTimeout(t.Context(), time.Second)
						_, _, err := app.Installation(installationID, ofRepository(n)).Token(ctx)
						cancel()
						codes[tokenprovider.CodeOf(err)]++
					}
				}
				require.LessOrEqual(t, len(g.Requests()), 20)
			})
		})
	}
}

func TestAUselessAnswerIsAskedForOnceForAllWorkspaces(t *testing.T) {
	inFleet(t, githubapptest.Options{}, func(t *testing.T, g *github) {
		p := newTable()
		p.all = &widgets
		m := newWorkspaceMutator(t, g.app(t, quiet), p.policy, nil)
		g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: githubapptest.MintEmptyObject})
		for began := time.Now(); time.Since(began) < time.Hour; time.Sleep(10 * time.Second) {
			for n := range 8 {
				_, _, err := m.WorkspaceToken(t.Context(), fmt.Sprint("ws-", n))
				require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err))
			}
		}
		require.LessOrEqual(t, len(g.attempts()), 10)
	})
}

func TestARefusalAfterASuccessIsHeldAsBrieflyAsTheFirst(t *testing.T) {
	for what, fault := range map[string]githubapptest.Fault{
		"the scope": githubapptest.RepositoryNotAccessible, "its permissions": githubapptest.PermissionNotGranted,
		"the installation": githubapptest.HTML(403),
	} {
		t.Run(what, func(t *testing.T) {
			inFleet(t, githubapptest.Options{}, func(t *testing.T, g *github) { refuseAgain(t, g, fault) })
		})
	}
}

func refuseAgain(t *testing.T, g *github, fault githubapptest.Fault) {
	app := g.app(t)
	i := app.Installation(installationID, githubapp.Scope{Repositories: []string{"widgets"}, Permissions: contentsRead.Permissions})
	refuse := func(d time.Duration) {
		stop := g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: fault})
		for began := time.Now(); time.Since(began) < d; time.Sleep(10 * time.Second) {
			g.tokenError(t, i)
		}
		stop()
	}
	refuse(20 * time.Minute)
	time.Sleep(15 * time.Minute)
	token, _ := g.mint(t, i)
	require.NoError(t, app.Revoke(t.Context(), token))
	refuse(10 * time.Second)
	time.Sleep(30 * time.Second)
	g.mint(t, i)
}

func TestMintsOfAnInstallationThatFailsGoOneByOne(t *testing.T) {
	inFleet(t, githubapptest.Options{}, func(t *testing.T, g *github) {
		app := g.app(t)
		var now, most atomic.Int64
		g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			githubapptest.RepositoryNotAccessible(w, r, next)
		}})
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() { _, _, _ = app.Installation(installationID, ofRepository(n)).Token(t.Context()) })
		}
		all.Wait()
		require.Len(t, g.attempts(), 8)
		require.EqualValues(t, 1, most.Load(), "the first ones told that they fail")
	})
}

func TestWhatWasFoundIsServedOnWhenAGatewayAnswers404(t *testing.T) {
	testutil.RSAKey(t, 0)
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		app := g.app(t)
		_, err := app.FindInstallation(t.Context(), "acme")
		require.NoError(t, err)
		time.Sleep(11 * time.Minute)
		g.Fail(githubapptest.Rule{Fault: githubapptest.HTML(404), Times: 1})
		_, err = app.FindInstallation(t.Context(), "acme")
		require.NoError(t, err)
	})
}

func TestWhatWasFoundIsServedOnWhenTheAppIsRefused(t *testing.T) {
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

func TestARevocationThatBreaksHoldsNoOtherBack(t *testing.T) {
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

func TestAReleaseGoesOnWhileNoTokenCanBeMinted(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.table.all = &widgets
		app := p.app(t)
		m := newWorkspaceMutator(t, app, p.policy, &p.opts)
		token := p.start(t, m, "a")
		p.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: githubapptest.HTML(502)})
		for n := range 3 {
			p.AddInstallation(githubapptest.Installation{ID: int64(100 + n), AppID: appID, Account: fmt.Sprint("org", n)})
			_, _, err := app.Installation(int64(100 + n)).Token(t.Context())
			require.Error(t, err)
		}
		require.True(t, slices.ContainsFunc(app.Usage().Holds, func(h tokenprovider.Hold) bool { return h.Subject == "app" }))
		require.NoError(t, m.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, token)
	})
}

func TestRevocationsUnderWayAreBounded(t *testing.T) {
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
		require.LessOrEqual(t, most.Load(), int64(100), "GitHub's documented bound")
		require.Greater(t, most.Load(), int64(1), "several at a time")
	})
}

func TestAnInstallationThatIsThereIsNotHeldForLong(t *testing.T) {
	requireOverSoon(t, tokenprovider.CodeUnavailable,
		githubapptest.Rule{Method: http.MethodPost, Fault: githubapptest.Refusal(404, "Not Found")})
}

func TestARehearsalOfAVersionsEndIsOverSoon(t *testing.T) {
	requireOverSoon(t, tokenprovider.CodeInvalidRequest,
		githubapptest.Rule{Fault: githubapptest.Refusal(410, "This API version is no longer supported")})
}

// requireOverSoon requires that what the rule does for some minutes is an error of
// that code, and that there is a token soon after it.
func requireOverSoon(t *testing.T, code tokenprovider.Code, rule githubapptest.Rule) {
	testutil.RSAKey(t, 0) // real time to make
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		stop := g.Fail(rule)
		i := g.app(t).Installation(installationID)
		for began := time.Now(); time.Since(began) < 8*time.Minute; time.Sleep(5 * time.Second) {
			require.Equal(t, code, g.tokenError(t, i).Code)
		}
		stop()
		mended := time.Now()
		for {
			if _, _, err := i.Token(t.Context()); err == nil {
				break
			}
			time.Sleep(5 * time.Second)
		}
		require.LessOrEqual(t, time.Since(mended), 2*time.Minute)
	})
}

func TestAClockThatIsSetBackDuringAMintIsNoDefect(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		i := p.app(t).Installation(installationID)
		p.Fail(githubapptest.Rule{Method: http.MethodPost, Times: 1, Fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			minted := httptest.NewRecorder()
			next.ServeHTTP(minted, r)
			p.SetClockOffset(-2 * time.Hour)
			now := time.Now().Add(-2 * time.Hour).UTC()
			w.Header().Set("Date", now.Format(http.TimeFormat))
			w.WriteHeader(minted.Code)
			fmt.Fprintf(w, `{"token":"ghs_x","expires_at":%q}`, now.Add(time.Hour).Format(time.RFC3339))
		}})
		_, _, err := i.Token(t.Context())
		require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
		time.Sleep(2 * time.Second) // its back-off
		p.mint(t, i)
	})
}
