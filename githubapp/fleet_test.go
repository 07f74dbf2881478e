package githubapp_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
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

// inFleet runs f where hours pass in no time, with a GitHub in memory.
func inFleet(t *testing.T, opts githubapptest.Options, f func(t *testing.T, g *github)) {
	testutil.RSAKey(t, 0) // real time to make
	testutil.RSAKey(t, 1)
	opts.InMemory = true
	synctest.Test(t, func(t *testing.T) { f(t, newGitHub(t, &opts)) })
}

// quiet keeps what a thousand caches log out of the test's memory.
func quiet(o *githubapp.Options) { o.Logger = nil }

// workspaceN returns the number of a workspace.
func workspaceN(id string) int {
	n, _ := strconv.Atoi(id[len("ws-"):])
	return n
}

// ofRepository returns the scope of one repository.
func ofRepository(n int) githubapp.Scope {
	return githubapp.Scope{Repositories: []string{fmt.Sprint("r", n)}, Permissions: contentsRead.Permissions}
}

func TestWhatAFleetCannotHaveIsAskedForTenTimesAnHour(t *testing.T) {
	own := func(*githubapp.App) githubapp.ScopePolicy {
		return func(_ context.Context, id string) (int64, githubapp.Scope, error) {
			return installationID, ofRepository(workspaceN(id)), nil
		}
	}
	found := func(account string) func(*githubapp.App) githubapp.ScopePolicy {
		return func(app *githubapp.App) githubapp.ScopePolicy {
			return func(ctx context.Context, id string) (int64, githubapp.Scope, error) {
				info, err := app.FindInstallation(ctx, fmt.Sprint(account, "/r", workspaceN(id)))
				if err != nil {
					return 0, githubapp.Scope{}, err
				}
				return info.ID, ofRepository(workspaceN(id)), nil
			}
		}
	}
	for name, c := range map[string]struct {
		breaks func(*github)
		policy func(*githubapp.App) githubapp.ScopePolicy
		code   tokenprovider.Code
		many   int
	}{
		"a suspended installation":     {func(g *github) { g.Suspend(installationID, true) }, own, tokenprovider.CodeForbidden, 1000},
		"an account without the app":   {func(g *github) {}, found("nobody"), tokenprovider.CodeNotFound, 1000},
		"an app whose key was deleted": {func(g *github) { g.RotateKeys(appID) }, own, tokenprovider.CodeUnauthenticated, 200}, // each tries again in half a minute, in real time
	} {
		t.Run(name, func(t *testing.T) {
			inFleet(t, githubapptest.Options{}, func(t *testing.T, g *github) {
				app := g.app(t, quiet)
				m, err := githubapp.NewWorkspaceMutator(app, c.policy(app), nil)
				require.NoError(t, err)
				c.breaks(g)
				policy := c.policy(app)
				asker := func(id string) func() error { // what m does, but for its records
					installation, scope, err := policy(t.Context(), id)
					if err != nil {
						return func() error { _, _, err := policy(t.Context(), id); return err }
					}
					i := app.Installation(installation, scope)
					return func() error { _, _, err := i.Token(t.Context()); return err }
				}
				var other atomic.Int64
				var all sync.WaitGroup
				const atOnce = 100
				for first := range atOnce {
					all.Go(func() {
						var asks []func() error
						for n := first; n < testutil.Fewer(c.many); n += atOnce {
							id := fmt.Sprint("ws-", n)
							if n < atOnce/10 {
								asks = append(asks, func() error { _, _, err := m.WorkspaceToken(t.Context(), id); return err })
							} else {
								asks = append(asks, asker(id))
							}
						}
						for began := time.Now(); time.Since(began) < time.Hour; time.Sleep(10 * time.Second) {
							for _, ask := range asks {
								if tokenprovider.CodeOf(ask()) != c.code {
									other.Add(1)
								}
							}
						}
					})
				}
				all.Wait()
				require.Zero(t, other.Load(), "answers with another code")
				t.Log(len(g.Requests()), "requests")
				require.LessOrEqual(t, len(g.Requests()), 10)
			})
		})
	}
}

// starts has so many workspaces of many accounts start within d, and another
// account's all the while. It returns how long the longest of the others waited
// beyond its mint, when GitHub didn't refuse the app as a whole.
func starts(t *testing.T, g *github, app *githubapp.App, n int, d, mint time.Duration) (took, longest time.Duration) {
	const accounts = 30
	for a := range accounts {
		var repositories []string
		for r := range n / accounts {
			repositories = append(repositories, fmt.Sprintf("org%d/r%d", a, r))
		}
		g.AddInstallation(githubapptest.Installation{
			ID: int64(1000 + a), AppID: appID, Account: fmt.Sprint("org", a), Repositories: repositories,
		})
	}
	began := time.Now()
	var over atomic.Bool
	var all, other sync.WaitGroup
	for k := range n {
		all.Go(func() {
			time.Sleep(d * time.Duration(k) / time.Duration(n))
			g.mint(t, app.Installation(int64(1000+k%accounts), ofRepository(k/accounts)))
		})
	}
	other.Go(func() {
		for k := 0; !over.Load(); k++ {
			g.AddInstallation(githubapptest.Installation{ID: int64(5000 + k), AppID: appID, Account: fmt.Sprint("other", k)})
			start := time.Now()
			limited := isLimited(app)
			before, _ := g.refusals()
			g.mint(t, app.Installation(int64(5000+k)))
			if after, _ := g.refusals(); !limited && after == before {
				longest = max(longest, time.Since(start)-mint)
			}
			time.Sleep(5 * time.Second)
		}
	})
	all.Wait()
	took = time.Since(began)
	over.Store(true)
	other.Wait()
	return took, longest
}

func isLimited(app *githubapp.App) bool {
	for _, h := range app.Usage().Holds {
		if h.Code == tokenprovider.CodeRateLimited {
			return true
		}
	}
	return false
}

// refusals returns how many mints were refused for their number, and how often
// that began anew.
func (g *github) refusals() (all, rounds int) {
	var last time.Time
	for _, r := range g.attempts() {
		if r.Status != http.StatusForbidden {
			continue
		}
		if all++; r.Time.Sub(last) > 30*time.Second {
			rounds++
		}
		last = r.Time
	}
	return all, rounds
}

func TestMoreStartsThanGitHubTakesAreServedLate(t *testing.T) {
	for name, d := range map[string]time.Duration{"at once": 0, "in a minute": time.Minute} {
		t.Run(name, func(t *testing.T) {
			const latency = 400 * time.Millisecond
			inFleet(t, githubapptest.Options{MintsPerMinute: 180, Latency: latency}, func(t *testing.T, g *github) {
				took, longest := starts(t, g, g.app(t, quiet), 600, d, latency)
				all, rounds := g.refusals()
				t.Logf("600 starts took %s; %d refusals in %d rounds; another account's start waited %s", took, all, rounds, longest)
				require.Equal(t, 1, rounds, "the limit is run into once")
				require.Equal(t, 1, all, "refusals")
				require.LessOrEqual(t, longest, time.Second)
				require.Less(t, took, 5*time.Minute)
			})
		})
	}
}

func TestASlowAccountHoldsNoOtherUp(t *testing.T) {
	inFleet(t, githubapptest.Options{}, func(t *testing.T, g *github) {
		var names []string
		for n := range 50 {
			names = append(names, fmt.Sprint("acme/r", n))
		}
		g.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: "acme", Repositories: names})
		g.Fail(githubapptest.Rule{
			Method: http.MethodPost, Path: fmt.Sprintf("/app/installations/%d/access_tokens", installationID),
			Fault: githubapptest.Delay(10 * time.Second),
		})
		app := g.app(t)
		var all sync.WaitGroup
		for n := range 50 {
			all.Go(func() { g.mint(t, app.Installation(installationID, ofRepository(n))) })
		}
		for n := range 30 { // while its first mint is under way, and later when several are
			g.AddInstallation(githubapptest.Installation{ID: int64(100 + n), AppID: appID, Account: fmt.Sprint("small", n)})
			time.Sleep(time.Second)
			start := time.Now()
			g.mint(t, app.Installation(int64(100+n)))
			require.Zero(t, time.Since(start))
		}
		all.Wait()
	})
}

func TestWhatNobodyWaitsForHoldsNobodyUp(t *testing.T) {
	inFleet(t, githubapptest.Options{Latency: time.Second}, func(t *testing.T, g *github) {
		app := g.app(t, func(o *githubapp.Options) { o.MaxConcurrentMints = 1 })
		for n := range 31 {
			g.AddInstallation(githubapptest.Installation{ID: int64(1000 + n), AppID: appID, Account: fmt.Sprint("org", n)})
		}
		for n := range 30 {
			g.mint(t, app.Installation(int64(1000+n)))
		}
		time.Sleep(46 * time.Minute)
		for n := range 30 {
			g.mint(t, app.Installation(int64(1000+n))) // what is held, and a refresh begins
		}
		synctest.Wait()
		start := time.Now()
		g.mint(t, app.Installation(1030))
		require.LessOrEqual(t, time.Since(start), 2*time.Second, "the refresh that is under way, and its own")
	})
}

func TestADateOfAProxysBreaksNothing(t *testing.T) {
	for _, ahead := range []time.Duration{90 * time.Second, 10 * time.Minute, -10 * time.Minute, -30 * time.Minute} {
		inFleet(t, githubapptest.Options{}, func(t *testing.T, g *github) {
			g.Fail(githubapptest.Rule{Fault: githubapptest.DateOffset(ahead)})
			app := g.app(t)
			for began := time.Now(); time.Since(began) < 4*time.Hour; time.Sleep(time.Minute) {
				_, expiresAt := g.mint(t, app.Installation(installationID))
				require.Positive(t, time.Until(expiresAt))
				require.LessOrEqual(t, time.Until(expiresAt), time.Hour)
				_, err := app.FindInstallation(t.Context(), "acme")
				require.NoError(t, err)
			}
			for _, r := range g.Requests() {
				require.Less(t, r.Status, 400, "%s %s", r.Method, r.Path)
			}
			require.NotContains(t, g.output.String(), "clock differs")
		})
	}
}

func TestCountersOfAWorkspaceMutatorNeverGoDown(t *testing.T) {
	inFleet(t, githubapptest.Options{}, func(t *testing.T, g *github) {
		const accounts = 20
		for n := range accounts {
			g.AddInstallation(githubapptest.Installation{ID: int64(1000 + n), AppID: appID, Account: fmt.Sprint("org", n)})
		}
		m, err := githubapp.NewWorkspaceMutator(g.app(t), func(_ context.Context, id string) (int64, githubapp.Scope, error) {
			return int64(1000 + workspaceN(id)%accounts), contentsRead, nil
		}, nil)
		require.NoError(t, err)
		start := func(n int) {
			env := map[string]string{}
			require.NoError(t, m.MutateEnv(t.Context(), fmt.Sprint("ws-", n), env))
			g.output.Secret(env["GH_TOKEN"])
		}
		var last tokenprovider.Status
		scrape := func() {
			s := m.Status()
			require.GreaterOrEqual(t, s.Mints, last.Mints)
			require.GreaterOrEqual(t, s.Failures, last.Failures)
			last = s
		}
		for n := range accounts {
			start(n)
			scrape()
		}
		for n := range accounts { // each is replaced, one after the other
			require.NoError(t, m.ReleaseWorkspace(t.Context(), fmt.Sprint("ws-", n)))
			scrape()
			start(n)
			scrape()
		}
		time.Sleep(3 * time.Hour) // idle ones go
		scrape()
		start(0)
		scrape()
		require.EqualValues(t, g.Mints(), last.Mints, "they tell the truth")
	})
}

func TestALimitThatComesNearIsSeenBeforeItIsReached(t *testing.T) {
	inFleet(t, githubapptest.Options{}, func(t *testing.T, g *github) {
		g.SetRateLimit(100)
		app := g.app(t)
		for n := range 97 {
			g.AddInstallation(githubapptest.Installation{ID: int64(1000 + n), AppID: appID, Account: fmt.Sprint("org", n)})
			g.mint(t, app.Installation(int64(1000+n)))
			limits := app.Usage().Limits
			require.Len(t, limits, 1)
			require.Equal(t, "app", limits[0].Subject)
			require.Equal(t, 99-n, limits[0].Remaining)
			require.WithinDuration(t, time.Now().Add(time.Hour), limits[0].Reset, time.Hour)
			near := strings.Contains(g.output.String(), "GitHub's rate limit comes near")
			require.Equal(t, limits[0].Remaining < 10, near)
		}
	})
}
