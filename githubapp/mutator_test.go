package githubapp_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestTheMutatorWritesTheTokenAndProvidesItLater(t *testing.T) {
	g := newGitHub(t, nil)
	i := g.app(t, func(o *githubapp.Options) { o.Cache.Settle = -1 }).Installation(installationID)
	m := githubapp.NewMutator(i, nil)
	require.Equal(t, "github-app-auth", m.Name())

	env := map[string]string{"PATH": "/bin", "GH_TOKEN": "old"}
	require.NoError(t, m.MutateEnv(t.Context(), "ws-1", env))
	token, _ := g.mint(t, m)
	require.Equal(t, map[string]string{"PATH": "/bin", "GH_TOKEN": token, "GITHUB_TOKEN": token}, env)
	require.Equal(t, i.Status(), m.Status())

	require.False(t, m.Invalidate("ghs_another"))
	require.True(t, m.Invalidate(token), "a Settle below zero judges any age")
	fresh, _ := g.mint(t, m)
	require.NotEqual(t, token, fresh)
	require.Equal(t, 2, g.Mints())
}

func TestTheMutatorKeepsToItsOptions(t *testing.T) {
	for name, c := range map[string]struct {
		opts  githubapp.MutatorOptions
		env   map[string]string
		want  map[string]string // TOKEN stands for the token
		mints int
	}{
		"other names":          {githubapp.MutatorOptions{EnvNames: []string{"A", "B"}}, map[string]string{}, map[string]string{"A": "TOKEN", "B": "TOKEN"}, 1},
		"nothing injected":     {githubapp.MutatorOptions{EnvNames: []string{}}, map[string]string{"A": "x"}, map[string]string{"A": "x"}, 0},
		"a user's own kept":    {githubapp.MutatorOptions{KeepExisting: true}, map[string]string{"GH_TOKEN": "ghp_mine"}, map[string]string{"GH_TOKEN": "ghp_mine"}, 0},
		"another app's kept":   {githubapp.MutatorOptions{KeepExisting: true}, map[string]string{"GH_TOKEN": "ghs_8_abc"}, map[string]string{"GH_TOKEN": "ghs_8_abc"}, 0},
		"this app's replaced":  {githubapp.MutatorOptions{KeepExisting: true}, map[string]string{"GH_TOKEN": "ghs_7_abc"}, map[string]string{"GH_TOKEN": "TOKEN", "GITHUB_TOKEN": "TOKEN"}, 1},
		"an unknown replaced":  {githubapp.MutatorOptions{KeepExisting: true}, map[string]string{"GH_TOKEN": "ghs_abc"}, map[string]string{"GH_TOKEN": "TOKEN", "GITHUB_TOKEN": "TOKEN"}, 1},
		"existing empty":       {githubapp.MutatorOptions{KeepExisting: true}, map[string]string{"GH_TOKEN": ""}, map[string]string{"GH_TOKEN": "TOKEN", "GITHUB_TOKEN": "TOKEN"}, 1},
		"existing overwritten": {githubapp.MutatorOptions{}, map[string]string{"GH_TOKEN": "mine"}, map[string]string{"GH_TOKEN": "TOKEN", "GITHUB_TOKEN": "TOKEN"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, nil)
			c.opts.Name = "mine"
			m := githubapp.NewMutator(g.app(t).Installation(installationID), &c.opts)
			require.Equal(t, "mine", m.Name())
			require.NoError(t, m.MutateEnv(t.Context(), "ws-1", c.env))
			require.Equal(t, c.mints, g.Mints())
			token, _ := g.mint(t, m)
			for name, value := range c.want {
				c.want[name] = strings.Replace(value, "TOKEN", token, 1)
			}
			require.Equal(t, c.want, c.env)
		})
	}
}

func TestTheMutatorFailsWithoutTouchingTheEnvironment(t *testing.T) {
	g := newGitHub(t, nil)
	i := g.app(t).Installation(installationID)
	require.ErrorContains(t, githubapp.NewMutator(i, nil).MutateEnv(t.Context(), "ws-1", nil), "the environment is nil")
	bad := githubapp.NewMutator(i, &githubapp.MutatorOptions{EnvNames: []string{"A", "B=C"}})
	env := map[string]string{"PATH": "/bin"}
	require.ErrorContains(t, bad.MutateEnv(t.Context(), "ws-1", env), `"B=C"`)
	g.Suspend(installationID, true)
	err := githubapp.NewMutator(i, nil).MutateEnv(t.Context(), "ws-1", env)
	require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err))
	require.Equal(t, map[string]string{"PATH": "/bin"}, env)

	none := githubapp.NewMutator(nil, nil)
	require.ErrorIs(t, none.MutateEnv(t.Context(), "ws-1", env), tokenprovider.ErrNotConfigured)
	require.False(t, none.Invalidate("x"))
	require.Equal(t, tokenprovider.StateEmpty, none.Status().State)
}

func TestARestartKeepsNoTokenOfTheLastStart(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.opts.KeepExisting = true
		app := p.app(t)
		for _, m := range []interface {
			MutateEnv(context.Context, string, map[string]string) error
		}{githubapp.NewMutator(app.Installation(installationID), &p.opts), newWorkspaceMutator(t, app, p.policy, &p.opts)} {
			for _, format := range []githubapptest.TokenFormat{githubapptest.FormatStateless, githubapptest.FormatClassic} {
				p.SetTokenFormat(format)
				env := map[string]string{}
				require.NoError(t, m.MutateEnv(t.Context(), "a", env))
				before := env["GH_TOKEN"]
				time.Sleep(25 * time.Hour)
				require.NoError(t, m.MutateEnv(t.Context(), "a", env)) // with what was stored
				require.NotEqual(t, before, env["GH_TOKEN"])
				require.Equal(t, env["GH_TOKEN"], env["GITHUB_TOKEN"])
			}
		}
	})
}

func TestAnInjectedTokenLivesForHalfAnHourAtLeast(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		const hours = 6
		app := p.app(t)
		installation := app.Installation(installationID)
		workspaces := newWorkspaceMutator(t, app, p.policy, nil)
		for name, m := range map[string]struct {
			starts func(context.Context, string, map[string]string) error
			token  func() (string, time.Time, error)
		}{
			"one token for all": {githubapp.NewMutator(installation, nil).MutateEnv,
				func() (string, time.Time, error) { return installation.Token(t.Context()) }},
			"one for each workspace": {workspaces.MutateEnv,
				func() (string, time.Time, error) { return workspaces.WorkspaceToken(t.Context(), "a") }},
		} {
			before := p.Mints()
			for range hours * 60 {
				env := map[string]string{}
				require.NoError(t, m.starts(t.Context(), "a", env))
				token, expires, err := m.token()
				require.NoError(t, err)
				require.Equal(t, token, env["GH_TOKEN"])
				require.GreaterOrEqual(t, time.Until(expires), 30*time.Minute, name)
				time.Sleep(time.Minute)
			}
			require.LessOrEqual(t, p.Mints()-before, 2*hours+1, name)
		}
	})
}

func TestTheNamesOfVariablesAreTheMutatorsOwn(t *testing.T) {
	g := newGitHub(t, nil)
	opts := githubapp.MutatorOptions{EnvNames: []string{"A"}}
	m := githubapp.NewMutator(g.app(t).Installation(installationID), &opts)
	opts.EnvNames[0] = "B"
	env := map[string]string{}
	require.NoError(t, m.MutateEnv(t.Context(), "a", env))
	g.output.Secret(env["A"])
	require.NotEmpty(t, env["A"])
	require.Len(t, env, 1)
}
