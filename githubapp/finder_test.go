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

func TestLookupsAreSharedAndRememberedForATime(t *testing.T) {
	d := &directory{installations: map[string]int64{"acme": 42}}
	inBubble(t, d.serve, func(t *testing.T, app *githubapp.App) {
		find := func(target string) (int64, tokenprovider.Code) {
			info, err := app.FindInstallation(t.Context(), target)
			if err != nil {
				return 0, tokenprovider.CodeOf(err)
			}
			return info.ID, ""
		}
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() {
				id, _ := find("acme")
				require.EqualValues(t, 42, id)
			})
		}
		callers.Wait()
		require.Equal(t, 1, d.requests(), "a hundred callers, one request")
		time.Sleep(9 * time.Minute)
		id, _ := find("ACME")
		require.EqualValues(t, 42, id)
		require.Equal(t, 1, d.requests())
		d.set("acme", 43, 0) // installed anew
		time.Sleep(time.Minute)
		id, _ = find("acme")
		require.EqualValues(t, 43, id, "no answer is for ever")
		require.Equal(t, 2, d.requests())

		for range 10 {
			_, code := find("acme/none")
			require.Equal(t, tokenprovider.CodeNotFound, code)
		}
		require.Equal(t, 3, d.requests())
		d.set("acme/none", 43, 0)
		time.Sleep(30 * time.Second)
		id, _ = find("acme/none")
		require.EqualValues(t, 43, id)

		d.set("other", 44, http.StatusBadGateway)
		for range 10 {
			_, code := find("other")
			require.Equal(t, tokenprovider.CodeUnavailable, code)
		}
		require.Equal(t, 5, d.requests())
		d.set("other", 44, 0)
		time.Sleep(time.Second)
		id, _ = find("other")
		require.EqualValues(t, 44, id)
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
