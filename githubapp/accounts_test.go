package githubapp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
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

func (g *github) find(t testing.TB, app *githubapp.App, target string) (*githubapp.InstallationInfo, error) {
	t.Helper()
	return app.FindInstallation(t.Context(), target)
}

// directory answers lookups: every target in installations has its id, any
// other isn't found.
type directory struct {
	mu            sync.Mutex
	installations map[string]int64
	asked         int
	status        int // of every answer; 0: the right one
}

func (d *directory) set(target string, id int64, status int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.installations[target], d.status = id, status
}

func (d *directory) requests() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked
}

func (d *directory) serve(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		return canned(r)
	}
	select {
	case <-time.After(100 * time.Millisecond):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	target := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/users/"), "/repos/"), "/installation")
	id, status := d.installations[target], http.StatusOK
	if id == 0 {
		status = http.StatusNotFound
	}
	if d.status != 0 {
		status = d.status
	}
	body := fmt.Sprintf(`{"id":%d,"message":"Not Found","account":{"login":%q},"permissions":{"contents":"write"}}`, id, target)
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func TestAFoundAnswerIsRememberedForATimeAndShared(t *testing.T) {
	for target, ttl := range map[string]time.Duration{"acme": time.Hour, "acme/widgets": 10 * time.Minute} {
		d := &directory{installations: map[string]int64{target: 42}}
		inBubble(t, d.serve, func(t *testing.T, app *githubapp.App) {
			find := func(target string) int64 {
				info, err := app.FindInstallation(t.Context(), target)
				require.NoError(t, err)
				return info.ID
			}
			var callers sync.WaitGroup
			for range 100 {
				callers.Go(func() { require.EqualValues(t, 42, find(target)) })
			}
			callers.Wait()
			require.Equal(t, 1, d.requests(), "a hundred callers, one request")
			time.Sleep(ttl - time.Minute)
			require.EqualValues(t, 42, find(strings.ToUpper(target)))
			require.Equal(t, 1, d.requests())
			for n := range 3 {
				d.set(target, int64(43+n), 0) // installed anew
				time.Sleep(ttl)
				require.EqualValues(t, 43+n, find(target), "no answer is for ever")
				require.Equal(t, 2+n, d.requests())
			}
		})
	}
}

func TestWhatIsNotFoundIsHeldForLongerEachTime(t *testing.T) {
	for _, target := range []string{"nobody", "acme/none"} {
		d := &directory{installations: map[string]int64{"acme": 42}}
		inBubble(t, d.serve, func(t *testing.T, app *githubapp.App) {
			asked := []time.Duration{}
			start := time.Now()
			for range 2 * 60 * 60 {
				before := d.requests()
				_, err := app.FindInstallation(t.Context(), target)
				require.Equal(t, tokenprovider.CodeNotFound, tokenprovider.CodeOf(err))
				if d.requests() > before {
					asked = append(asked, time.Since(start).Round(10*time.Second))
				}
				time.Sleep(time.Second)
			}
			require.Equal(t, []time.Duration{0, 30 * time.Second, 90 * time.Second, 210 * time.Second,
				450 * time.Second, 930 * time.Second}, asked[:6])
			for n := 6; n < len(asked); n++ {
				require.InDelta(t, 15*60, (asked[n] - asked[n-1]).Seconds(), 20, "and no more than that")
			}
			d.set(target, 43, 0)
			time.Sleep(15 * time.Minute)
			info, err := app.FindInstallation(t.Context(), target)
			require.NoError(t, err)
			require.EqualValues(t, 43, info.ID)

			time.Sleep(time.Hour)
			d.set(target, 0, 0)
			_, err = app.FindInstallation(t.Context(), target)
			require.Equal(t, tokenprovider.CodeNotFound, tokenprovider.CodeOf(err))
			d.set(target, 44, 0)
			time.Sleep(30 * time.Second)
			info, err = app.FindInstallation(t.Context(), target)
			require.NoError(t, err, "it is held as briefly as the first time")
			require.EqualValues(t, 44, info.ID)
		})
	}
}

func TestALookupThatHangsIsWaitedForOnce(t *testing.T) {
	d := &directory{installations: map[string]int64{"acme": 42}}
	var hangs atomic.Bool
	inBubble(t, func(r *http.Request) (*http.Response, error) {
		if hangs.Load() {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return d.serve(r)
	}, func(t *testing.T, app *githubapp.App) {
		wait := func() time.Duration {
			began := time.Now()
			_, err := app.FindInstallation(t.Context(), "acme")
			require.NoError(t, err)
			return time.Since(began)
		}
		wait()
		hangs.Store(true)
		time.Sleep(time.Hour)
		require.Equal(t, 3*time.Second, wait())
		require.Zero(t, wait(), "who comes later knows that it hangs")
		time.Sleep(time.Minute)
	})
}

func TestWhatWasSaidToBeGoneIsNotServedOn(t *testing.T) {
	for _, target := range []string{"acme", "globex/rockets"} {
		d := &directory{installations: map[string]int64{"acme": 42, "globex": 43, "globex/rockets": 43}}
		inBubble(t, d.serve, func(t *testing.T, app *githubapp.App) {
			requireCode := func(want tokenprovider.Code) {
				t.Helper()
				_, err := app.FindInstallation(t.Context(), target)
				require.Equal(t, want, tokenprovider.CodeOf(err), "%v", err)
			}
			requireCode("")
			time.Sleep(time.Hour)
			d.set(target, 0, 0)
			requireCode(tokenprovider.CodeNotFound)
			time.Sleep(30 * time.Second)
			d.set(target, 0, http.StatusBadGateway)
			requireCode(tokenprovider.CodeUnavailable)
		})
	}
}

func TestAnAccountThatIsGoneTakesItsRepositoriesAlong(t *testing.T) {
	d := &directory{installations: map[string]int64{"acme": 42, "acme/widgets": 42}}
	inBubble(t, d.serve, func(t *testing.T, app *githubapp.App) {
		_, err := app.FindInstallation(t.Context(), "acme/widgets")
		require.NoError(t, err)
		time.Sleep(10 * time.Minute)
		d.set("acme", 0, 0)
		_, err = app.FindInstallation(t.Context(), "acme")
		require.Equal(t, tokenprovider.CodeNotFound, tokenprovider.CodeOf(err))
		asked := d.requests()
		_, err = app.FindInstallation(t.Context(), "acme/widgets")
		require.Equal(t, tokenprovider.CodeNotFound, tokenprovider.CodeOf(err))
		require.Equal(t, asked, d.requests())
	})
}

func TestAnAccountThatHasTheAppAgainIsAskedForOnce(t *testing.T) {
	d := &directory{installations: map[string]int64{}}
	inBubble(t, d.serve, func(t *testing.T, app *githubapp.App) {
		requireRequests := func(want int, target string) {
			t.Helper()
			before := d.requests()
			_, _ = app.FindInstallation(t.Context(), target)
			require.Equal(t, want, d.requests()-before)
		}
		requireRequests(2, "acme/widgets") // neither it nor its account is known
		time.Sleep(30 * time.Second)
		requireRequests(1, "acme/gadgets") // the account alone
		for _, target := range []string{"acme", "acme/widgets", "acme/gadgets"} {
			d.set(target, 42, 0)
		}
		time.Sleep(time.Minute)
		requireRequests(2, "acme/widgets")
		requireRequests(1, "acme/gadgets")
		for _, target := range []string{"acme", "acme/widgets", "acme/gadgets"} {
			d.set(target, 0, 0)
		}
		time.Sleep(10 * time.Minute)
		requireRequests(2, "acme/widgets")
		time.Sleep(30 * time.Second)
		requireRequests(1, "acme/widgets") // it is held as briefly as the first time
	})
}

func TestARefusalOfOneLookupIsHeld(t *testing.T) {
	d := &directory{installations: map[string]int64{"acme": 42}, status: http.StatusForbidden}
	inBubble(t, d.serve, func(t *testing.T, app *githubapp.App) {
		for range 10 {
			_, err := app.FindInstallation(t.Context(), "acme")
			require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err))
		}
		require.Equal(t, 1, d.requests())
		d.set("acme", 42, 0)
		time.Sleep(30 * time.Second)
		_, err := app.FindInstallation(t.Context(), "acme")
		require.NoError(t, err)
	})
}

func TestAnEnterpriseIsForgottenWhenItChanges(t *testing.T) {
	d := &directory{installations: map[string]int64{"/enterprises/big": 42}}
	inBubble(t, d.serve, func(t *testing.T, app *githubapp.App) {
		for want := range 2 {
			for range 2 {
				_, err := app.FindInstallation(t.Context(), "enterprises/big")
				require.NoError(t, err)
				require.Equal(t, 1+want, d.requests())
			}
			deliver(receiver(t, app), delivery("installation", `{"action":"created","installation":{"id":44,"account":{"login":"Big"}}}`))
		}
	})
}

func TestALookupThatFailsIsTriedAgainSoon(t *testing.T) {
	d := &directory{installations: map[string]int64{}}
	inBubble(t, d.serve, func(t *testing.T, app *githubapp.App) {
		d.set("other", 44, http.StatusBadGateway)
		for range 10 {
			_, err := app.FindInstallation(t.Context(), "other")
			require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
			require.ErrorContains(t, err, "find the installation on other")
		}
		require.Equal(t, 2, d.requests(), "the second failure in a row holds the request back")
		d.set("other", 44, 0)
		time.Sleep(time.Second)
		info, err := app.FindInstallation(t.Context(), "other")
		require.NoError(t, err)
		require.EqualValues(t, 44, info.ID)
	})
}

func TestWhatWasFoundIsServedOnWhileGitHubCannotBeAsked(t *testing.T) {
	hang := func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }
	answers := func(status int, header ...string) roundTripper {
		return func(*http.Request) (*http.Response, error) {
			h := http.Header{"Content-Type": {"application/json"}}
			if len(header) > 0 {
				h.Set("Retry-After", header[0])
			}
			return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(`{"message":"no"}`))}, nil
		}
	}
	for name, trouble := range map[string]roundTripper{
		"it hangs":                 hang,
		"it is down":               answers(503),
		"a short rate limit":       answers(429, "60"),
		"a long rate limit":        answers(429, "3600"),
		"the key is refused":       answers(401),
		"the network":              func(*http.Request) (*http.Response, error) { return nil, refused },
		"an answer that is no API": answers(200),
	} {
		t.Run(name, func(t *testing.T) {
			d := &directory{installations: map[string]int64{"acme": 42}}
			var broken atomic.Bool
			var tries atomic.Int64
			inBubble(t, func(r *http.Request) (*http.Response, error) {
				if broken.Load() {
					tries.Add(1)
					return trouble(r)
				}
				return d.serve(r)
			}, func(t *testing.T, app *githubapp.App) {
				_, err := app.FindInstallation(t.Context(), "acme")
				require.NoError(t, err)
				broken.Store(true)
				time.Sleep(time.Hour)
				var waited time.Duration
				for start := time.Now(); time.Since(start) < 6*time.Hour; time.Sleep(10 * time.Second) {
					asked := time.Now()
					info, err := app.FindInstallation(t.Context(), "acme")
					require.NoError(t, err)
					require.EqualValues(t, 42, info.ID)
					require.LessOrEqual(t, time.Since(asked), 3*time.Second, "a forge that hangs holds nobody up")
					waited += time.Since(asked)
				}
				require.Less(t, waited, 25*time.Minute)
				require.Less(t, tries.Load(), int64(6*75), "requests")
				broken.Store(false)
				d.set("acme", 43, 0)
				time.Sleep(time.Hour)
				_, _ = app.FindInstallation(t.Context(), "acme")
				time.Sleep(time.Minute)
				info, err := app.FindInstallation(t.Context(), "acme")
				require.NoError(t, err)
				require.EqualValues(t, 43, info.ID)
			})
		})
	}
}

func TestAnInstallationThatIsReplacedCostsOneCallAtMost(t *testing.T) {
	testutil.RSAKey(t, 0) // real time to make
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		app := g.app(t)
		token := func() (string, error) {
			info, err := app.FindInstallation(t.Context(), "acme/widgets")
			if err != nil {
				return "", err
			}
			token, _, err := app.Installation(info.ID, widgets).Token(t.Context())
			return token, err
		}
		_, err := token()
		require.NoError(t, err)
		time.Sleep(46 * time.Minute)
		_, err = token() // the old place is remembered anew
		require.NoError(t, err)
		g.Uninstall(installationID) // and no webhook tells
		g.AddInstallation(githubapptest.Installation{ID: 77, AppID: appID, Account: "acme", Repositories: []string{"acme/widgets"}})
		failed := 0
		for range 6 * 30 {
			text, err := token()
			if err != nil {
				failed++
			} else if g.status(t, text, "/installation/repositories") == http.StatusOK {
				break
			}
			time.Sleep(10 * time.Second)
		}
		require.LessOrEqual(t, failed, 1)
		_, err = token()
		require.NoError(t, err)
	})
}

func TestACallerWhoLeavesALookupHurtsNoOther(t *testing.T) {
	d := &directory{installations: map[string]int64{"acme": 42}}
	inBubble(t, d.serve, func(t *testing.T, app *githubapp.App) {
		ctx, leave := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer leave()
		var callers sync.WaitGroup
		callers.Go(func() {
			_, err := app.FindInstallation(ctx, "acme")
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
		synctest.Wait()
		info, err := app.FindInstallation(t.Context(), "acme")
		require.NoError(t, err)
		require.EqualValues(t, 42, info.ID)
		callers.Wait()
		require.Equal(t, 1, d.requests())
	})
}

func TestAnAnswerThatIsOutdatedWhenItComesIsNotRemembered(t *testing.T) {
	d := &directory{installations: map[string]int64{"acme": 42}}
	inBubble(t, d.serve, func(t *testing.T, app *githubapp.App) {
		handler := receiver(t, app)
		var caller sync.WaitGroup
		caller.Go(func() { _, _ = app.FindInstallation(t.Context(), "acme") })
		synctest.Wait() // it is under way
		deliver(handler, delivery("installation", `{"action":"deleted","installation":{"id":42}}`))
		caller.Wait()
		_, err := app.FindInstallation(t.Context(), "acme")
		require.NoError(t, err)
		require.Equal(t, 2, d.requests())
	})
}

func TestWhoAsksAfterAChangeIsToldWhatIsAfterIt(t *testing.T) {
	d := &directory{installations: map[string]int64{"acme": 42}}
	var held chan struct{}
	var asked atomic.Bool
	serve := func(r *http.Request) (*http.Response, error) {
		resp, err := d.serve(r)
		if !asked.Swap(true) {
			<-held // the first answer is on its way for long
		}
		return resp, err
	}
	inBubble(t, serve, func(t *testing.T, app *githubapp.App) {
		held = make(chan struct{}) // of the bubble
		var before sync.WaitGroup
		before.Go(func() { _, _ = app.FindInstallation(t.Context(), "acme") })
		time.Sleep(time.Second)
		d.set("acme", 43, 0) // installed anew
		deliver(receiver(t, app), delivery("installation", `{"action":"created","installation":{"id":43,"account":{"login":"acme"}}}`))
		var info *githubapp.InstallationInfo
		var after sync.WaitGroup
		after.Go(func() { info, _ = app.FindInstallation(t.Context(), "acme") })
		time.Sleep(time.Second)
		close(held)
		before.Wait()
		after.Wait()
		require.EqualValues(t, 43, info.ID)
		info, err := app.FindInstallation(t.Context(), "acme")
		require.NoError(t, err)
		require.EqualValues(t, 43, info.ID, "the late answer is nobody else's")
	})
}

func TestAClientThatEndsOrHangsItsGoroutineHangsNoLookup(t *testing.T) {
	var release chan struct{}
	for name, c := range map[string]struct {
		serve roundTripper
		code  tokenprovider.Code
	}{
		"ends":  {func(*http.Request) (*http.Response, error) { runtime.Goexit(); return nil, nil }, tokenprovider.CodeInternal},
		"hangs": {func(*http.Request) (*http.Response, error) { <-release; return nil, io.EOF }, tokenprovider.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, c.serve, func(t *testing.T, app *githubapp.App) {
				release = make(chan struct{})
				defer close(release)
				_, err := app.FindInstallation(context.Background(), "acme")
				require.Equal(t, c.code, tokenprovider.CodeOf(err), "%v", err)
				require.ErrorContains(t, err, "acme")
			})
		})
	}
}

func TestALookupThatPanicsIsAnInternalError(t *testing.T) {
	inBubble(t, func(*http.Request) (*http.Response, error) { panic("ghs_secretsecretsecretsecret") }, func(t *testing.T, app *githubapp.App) {
		_, err := app.FindInstallation(t.Context(), "acme")
		require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err))
		require.NotContains(t, err.Error(), "ghs_")
	})
}

func TestWhatWasFoundIsForgottenWhenItChanges(t *testing.T) {
	for name, c := range map[string]struct {
		event, body string
		forgotten   []string
	}{
		"deleted": {"installation", `{"action":"deleted","installation":{"id":42}}`, []string{"acme", "acme/widgets", "nobody"}},
		"created": {"installation", `{"action":"created","installation":{"id":44,"account":{"login":"Acme"}}}`, []string{"acme", "acme/widgets", "nobody"}},
		"repositories": {"installation_repositories", `{"action":"added","installation":{"id":43,"account":{"login":"other"}},"repositories_removed":[]}`,
			[]string{"other", "nobody"}},
		"suspend": {"installation", `{"action":"suspend","installation":{"id":43}}`, []string{"other", "nobody"}},
		"renamed": {"installation_target", `{"action":"renamed","account":{"login":"nobody"},"installation":{"id":43},"changes":{"login":{"from":"other"}}}`,
			[]string{"other", "nobody"}},
		"another event": {"push", `{"action":"deleted","installation":{"id":42}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, nil)
			g.AddInstallation(githubapptest.Installation{ID: 43, AppID: appID, Account: "other"})
			app := g.app(t)
			targets := []string{"acme", "acme/widgets", "other", "nobody"}
			for range 2 {
				for _, target := range targets {
					_, _ = g.find(t, app, target)
				}
			}
			require.Len(t, g.Requests(), 4)
			require.Equal(t, http.StatusNoContent, deliver(receiver(t, app), delivery(c.event, c.body)))
			var forgotten []string
			for _, target := range targets {
				before := len(g.Requests())
				_, _ = g.find(t, app, target)
				if len(g.Requests()) > before {
					forgotten = append(forgotten, target)
				}
			}
			require.Equal(t, c.forgotten, forgotten)
		})
	}
	t.Run("a mint that finds the installation gone", func(t *testing.T) {
		g := newGitHub(t, nil)
		app := g.app(t)
		info, err := g.find(t, app, "acme")
		require.NoError(t, err)
		g.Uninstall(installationID)
		g.AddInstallation(githubapptest.Installation{ID: 77, AppID: appID, Account: "acme"}) // the webhook was missed
		require.Equal(t, tokenprovider.CodeNotFound, g.tokenError(t, app.Installation(info.ID)).Code)
		info, err = g.find(t, app, "acme")
		require.NoError(t, err)
		require.EqualValues(t, 77, info.ID)
		g.mint(t, app.Installation(info.ID))
	})
}

func TestWhatIsFoundIsTheCallersOwn(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	info, err := g.find(t, app, "acme")
	require.NoError(t, err)
	info.ID = 1
	info.Permissions["contents"] = "admin"
	again, err := g.find(t, app, "acme")
	require.NoError(t, err)
	require.EqualValues(t, 42, again.ID)
	require.Equal(t, "write", again.Permissions["contents"])
	again.Permissions["contents"] = "admin"
	third, err := g.find(t, app, "acme")
	require.NoError(t, err)
	require.Equal(t, "write", third.Permissions["contents"])
	require.Len(t, g.Requests(), 1)
}
