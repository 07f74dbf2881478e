package githubapp_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
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

// bots returns how often the server was asked for the bot's account.
func (g *github) bots() (n int) {
	for _, r := range g.Requests() {
		if r.Path == "/users/kit[bot]" || r.Path == "/users/kit%5Bbot%5D" {
			n++
		}
	}
	return n
}

func TestACommitOfTheWorkspacesIsShownAsTheApps(t *testing.T) {
	g := newGitHub(t, nil)
	env := map[string]string{"PATH": "/bin"}
	m := githubapp.NewIdentityMutator(g.app(t))
	require.Equal(t, "github-app-identity", m.Name())
	require.NoError(t, m.MutateEnv(t.Context(), "ws-1", env))
	require.Len(t, env, 5)

	git := testutil.NewGit(t)
	for _, name := range []string{"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"} {
		delete(git.Env, name)
	}
	dir := filepath.Join(git.Home, "work")
	git.Run(t, git.Home, "init", "-q", dir)
	_, stderr, err := git.Try(t, dir, "-c", "user.useConfigOnly=true", "commit", "--allow-empty", "-m", "one")
	require.Error(t, err, "nobody says who commits")
	require.Contains(t, stderr, "identity unknown")
	for name, value := range env {
		git.Env[name] = value
	}
	git.Env["PATH"] = "/usr/bin:/bin"
	git.Run(t, dir, "-c", "user.useConfigOnly=true", "commit", "-q", "--allow-empty", "-m", "one")
	require.Regexp(t, `^kit\[bot\] <\d+\+kit\[bot\]@users\.noreply\.127\.0\.0\.1> kit\[bot\] <\d+\+kit\[bot\]@users`,
		git.Run(t, dir, "log", "--format=%an <%ae> %cn <%ce>"))
}

func TestTheAddressOfTheAppHasTheHostOfTheWebsite(t *testing.T) {
	for base, host := range map[string]string{
		"https://api.corp.example/api/v3": "api.corp.example",
		"":                                "github.com", "https://api.octo.ghe.com": "octo.ghe.com", "https://GitHub.example:8443/api/v3": "github.example",
	} {
		g := newGitHub(t, nil)
		app := g.app(t, func(o *githubapp.Options) {
			o.BaseURL, o.HTTPClient = base, &http.Client{Transport: ledTo{g.Server, g.Client().Transport}}
		})
		who, err := app.Identity(t.Context())
		require.NoError(t, err)
		require.Equal(t, "kit[bot]", who.Name)
		require.Regexp(t, `^[1-9]\d*\+kit\[bot\]@users\.noreply\.`+host+`$`, who.Email)
	}
}

// ledTo leads every request to the server.
type ledTo struct {
	server *githubapptest.Server
	next   http.RoundTripper
}

func (e ledTo) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := http.NewRequestWithContext(r.Context(), r.Method, e.server.URL, nil)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = to.URL.Scheme, to.URL.Host, to.URL.Host
	return e.next.RoundTrip(r)
}

func TestAHerdOfStartsAsksForTheIdentityOnce(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	var herd sync.WaitGroup
	for range 100 {
		herd.Go(func() {
			env := map[string]string{}
			if githubapp.NewIdentityMutator(app).MutateEnv(t.Context(), "ws-1", env) != nil || len(env) != 4 {
				t.Error("a workspace started without an identity")
			}
		})
	}
	herd.Wait()
	require.Equal(t, 1, g.bots())
	require.Equal(t, 1, g.Mints())
}

func TestWhoSaysWhoCommitsIsLeftAlone(t *testing.T) {
	g := newGitHub(t, nil)
	m := githubapp.NewIdentityMutator(g.app(t))
	for _, name := range []string{"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"} {
		env := map[string]string{name: ""}
		require.NoError(t, m.MutateEnv(t.Context(), "ws-1", env))
		require.Equal(t, map[string]string{name: ""}, env)
	}
	require.Empty(t, g.Requests())
	require.ErrorContains(t, m.MutateEnv(t.Context(), "ws-1", nil), "the environment is nil")
	require.ErrorContains(t, githubapp.NewIdentityMutator(nil).MutateEnv(t.Context(), "ws-1", map[string]string{}), "no App")
}

func TestAWorkspaceStartsWithoutAnIdentityThatIsntFound(t *testing.T) {
	for name, spoil := range map[string]func(*github){
		"GitHub is down": func(g *github) { g.Fail(githubapptest.Rule{Fault: githubapptest.HTML(503)}) },
		"the app has no slug": func(g *github) {
			g.Fail(githubapptest.Rule{Path: "/app", Fault: githubapptest.Body(200, "application/json", `{"slug":"a/../b"}`)})
			g.Fail(githubapptest.Rule{Path: "/users/**", Fault: githubapptest.Body(200, "application/json", `{"id":1}`)})
		},
		"the account has no id": func(g *github) {
			g.Fail(githubapptest.Rule{Path: "/users/**", Fault: githubapptest.Body(200, "application/json", `{"id":-1}`)})
		},
		"the account is unknown": func(g *github) { g.Fail(githubapptest.Rule{Path: "/users/**", Fault: githubapptest.NotFound}) },
		"nothing to ask with":    func(g *github) { g.Suspend(installationID, true) },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, nil)
			spoil(g)
			app := g.app(t)
			env := map[string]string{}
			m := githubapp.NewIdentityMutator(app)
			require.NoError(t, m.MutateEnv(t.Context(), "ws-1", env))
			require.Empty(t, env)
			require.Contains(t, g.output.String(), "workspace starts without a committer identity")
			asked := len(g.Requests())
			require.NoError(t, m.MutateEnv(t.Context(), "ws-2", env))
			require.Len(t, g.Requests(), asked, "it isn't asked again for each")
			_, err := app.Identity(t.Context())
			require.ErrorContains(t, err, "githubapp: find the identity of app 7: ")
		})
	}
	left, cancel := context.WithCancel(t.Context())
	cancel()
	g := newGitHub(t, nil)
	require.ErrorIs(t, githubapp.NewIdentityMutator(g.app(t)).MutateEnv(left, "ws-1", map[string]string{}), context.Canceled)
}

func TestAStartWaitsFiveSecondsForAnIdentityAtMost(t *testing.T) {
	inFleet(t, githubapptest.Options{Latency: 10 * time.Second}, func(t *testing.T, g *github) {
		m := githubapp.NewIdentityMutator(g.app(t))
		began := time.Now()
		env := map[string]string{}
		require.NoError(t, m.MutateEnv(t.Context(), "ws-1", env))
		require.Empty(t, env)
		require.Equal(t, 5*time.Second, time.Since(began))
		time.Sleep(time.Minute)
		require.NoError(t, m.MutateEnv(t.Context(), "ws-2", env))
		require.Len(t, env, 4, "it was found meanwhile")
	})
}

func TestAnInstallationThatCantMintIsPassedOver(t *testing.T) {
	g := newGitHub(t, nil)
	g.AddInstallation(githubapptest.Installation{ID: 43, AppID: appID, Account: "globex"})
	g.Fail(githubapptest.Rule{Path: "/app/installations/42/access_tokens", Fault: githubapptest.Refusal(403, "no")})
	who, err := g.app(t).Identity(t.Context())
	require.NoError(t, err)
	require.Equal(t, "kit[bot]", who.Name)
}

func TestAFewInstallationsAreTriedForTheIdentityAndNoMore(t *testing.T) {
	for name, c := range map[string]struct {
		fault githubapptest.Fault
		mints int
	}{
		"that refuse":                {githubapptest.Refusal(403, "no"), 5},
		"while GitHub refuses all":   {githubapptest.SecondaryLimit(429, time.Hour), 1},
		"while GitHub can't be told": {githubapptest.HTML(503), 1},
	} {
		t.Run(name, func(t *testing.T) {
			inFleet(t, githubapptest.Options{}, func(t *testing.T, g *github) {
				for id := range int64(10) {
					g.AddInstallation(githubapptest.Installation{ID: 100 + id, AppID: appID, Account: fmt.Sprint("org", id)})
				}
				g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: c.fault})
				_, err := g.app(t).Identity(t.Context())
				require.Error(t, err)
				require.Len(t, g.attempts(), c.mints)
			})
		})
	}
}

func TestWhoLeavesBeforeTheIdentityIsFoundHurtsNoOther(t *testing.T) {
	inFleet(t, githubapptest.Options{Latency: time.Second}, func(t *testing.T, g *github) {
		app := g.app(t)
		left, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			_, err := app.Identity(left)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
		synctest.Wait()
		who, err := app.Identity(t.Context())
		require.NoError(t, err)
		require.Equal(t, "kit[bot]", who.Name)
		all.Wait()
	})
}

func TestTheFirstInstallationThatIsntSuspendedIsAskedWith(t *testing.T) {
	g := newGitHub(t, nil)
	g.AddInstallation(githubapptest.Installation{ID: 43, AppID: appID, Account: "globex"})
	g.Suspend(installationID, true)
	who, err := g.app(t).Identity(t.Context())
	require.NoError(t, err)
	require.Equal(t, "kit[bot]", who.Name)
	g.Suspend(43, true)
	_, err = g.app(t).Identity(t.Context())
	require.Equal(t, tokenprovider.CodeNotFound, tokenprovider.CodeOf(err))
}
