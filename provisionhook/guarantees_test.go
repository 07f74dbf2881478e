package provisionhook_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
)

// These tests are of what a platform may rely on as a whole. What single parts
// promise is tested beside them.

func TestATokenInTheEnvironmentComesWithItsExpiryAndItsSuccessor(t *testing.T) {
	m := &rotating{}
	reg := registry(m)
	e := env{}
	require.NoError(t, reg.Run(t.Context(), "ws", e))

	token, expiresAt, err := reg.FirstTokenProvider().Token(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, e["TOKEN"], token,
		"the environment keeps the old one, the provider has the next")
	require.WithinDuration(t, time.Now().Add(time.Hour), expiresAt, time.Minute)
}

// rotating has a new token at each call. It uses standard-library types only,
// as a plugin that doesn't import this module.
type rotating struct{ n int }

func (*rotating) Name() string { return "rotating" }

func (r *rotating) MutateEnv(ctx context.Context, _ string, e map[string]string) (err error) {
	e["TOKEN"], _, err = r.Token(ctx)
	return err
}

func (r *rotating) Token(context.Context) (string, time.Time, error) {
	r.n++
	return string(rune('a' + r.n)), time.Now().Add(time.Hour), nil
}

func TestAnErrorHasANameForUsersAndACauseForOperators(t *testing.T) {
	cause := errors.New("open /srv/keys/app.pem: permission denied")
	err := registry(fails("app-auth", cause)).Run(t.Context(), "ws-1", env{})
	failed, ok := errors.AsType[*provisionhook.MutatorError](err)
	require.True(t, ok)
	require.Equal(t, "app-auth", failed.Mutator)
	require.Equal(t, "ws-1", failed.WorkspaceID)
	require.Same(t, cause, failed.Err)
	require.EqualError(t, err, `provisionhook "app-auth": open /srv/keys/app.pem: permission denied`)
}

func TestWhatTheCallerSetIsKeptByARuleOnWhoSetItAndNotOnItsName(t *testing.T) {
	keepCallers := func(c provisionhook.Change, _ map[string]string) error {
		if c.Kind != provisionhook.KindSet && c.Previous == "" {
			return errors.New("the user has set it")
		}
		return nil
	}
	policy := []provisionhook.Check{keepCallers}
	users := env{"TOKEN": "the user's"}
	require.ErrorContains(t, allowed(t, policy, users, sets("auth", "TOKEN", "ours")),
		`override of "TOKEN" refused: the user has set it`)
	require.ErrorContains(t, allowed(t, policy, users, deletes("auth", "TOKEN")),
		`delete of "TOKEN" refused: the user has set it`)
	free := allowed(t, policy, env{},
		sets("auth", "TOKEN", "ours"), sets("other", "TOKEN", "theirs"), deletes("last", "TOKEN"))
	require.NoError(t, free,
		"where the user hasn't, the same name is free")

	p := plan(t, users, sets("auth", "TOKEN", "ours"))
	override := provisionhook.Change{Mutator: "auth", Key: "TOKEN", Kind: provisionhook.KindOverride}
	require.Equal(t, []provisionhook.Change{override}, p.Changes,
		"and without the rule the override is on record")
}

func TestTwoPluginsThatWriteATokenAreReportedAndCanBeRefused(t *testing.T) {
	first, last := &auth{"first", "the first one's"}, &auth{"last", "the last one's"}
	reg := registry(first, last)
	p, err := reg.Plan(t.Context(), "ws", nil)
	require.NoError(t, err)
	require.Equal(t, "the last one's", p.Env["TOKEN"], "a workspace boots as the last")
	require.Same(t, first, reg.FirstTokenProvider(), "and goes on as the first")
	require.Contains(t, p.Changes, provisionhook.Change{
		Mutator: "last", Key: "TOKEN", Kind: provisionhook.KindOverride, Previous: "first",
	})
	require.Equal(t, `FirstTokenProvider is "first", which was registered before`,
		reg.Describe()[1].Note)

	require.ErrorContains(t,
		allowed(t, []provisionhook.Check{provisionhook.NoOverride()}, nil, first, last),
		`provisionhook "last": override of "TOKEN" refused: mutator "first" has set it`)
}

func TestValuesAreLiteral(t *testing.T) {
	want := env{"A": "$(B)", "B": "${A} $A %A% `date`", "C": ` "quoted" \n ~ `}
	e := env{"A": "$(B)"}
	require.NoError(t, registry(sets("m", "B", want["B"], "C", want["C"]), sets("last")).Run(t.Context(), "ws", e))
	require.Equal(t, want, e)
}

func TestAPathThatAMutatorWouldReplaceCanBeProtected(t *testing.T) {
	appends := does("tools", func(e env) { e["PATH"] += ":/opt/tools/bin" })
	require.Equal(t, ":/opt/tools/bin", plan(t, nil, appends).Env["PATH"],
		"what the image has isn't in the platform's map")
	require.ErrorContains(t,
		allowed(t, []provisionhook.Check{provisionhook.Protect("PATH")}, nil, appends),
		`provisionhook "tools": set of "PATH" refused`)
}

func TestEveryMutatorRunsAtEveryStart(t *testing.T) {
	runs := 0
	reg := registry(does("m", func(e env) { runs++; e["A"] = "1" }))
	for want := 1; want <= 3; want++ {
		e := env{}
		require.NoError(t, reg.Run(t.Context(), "ws", e))
		require.Equal(t, env{"A": "1"}, e)
		require.Equal(t, want, runs)
	}
}

func TestTheEnvironmentOfThisProcessIsNeitherShownNorChanged(t *testing.T) {
	t.Setenv("PLATFORM_SECRET", "the platform's own")
	before := os.Environ()
	p := plan(t, nil, does("m", func(e env) {
		require.Empty(t, e)
		e["LD_PRELOAD"] = "/workspace/evil.so"
	}))
	require.Equal(t, env{"LD_PRELOAD": "/workspace/evil.so"}, p.Env)
	require.Equal(t, before, os.Environ())
}

func TestTwoRegistriesHaveNothingInCommon(t *testing.T) {
	first, second := registry(sets("same", "A", "1")), registry(sets("same", "A", "2"))
	e := env{}
	require.NoError(t, first.Run(t.Context(), "ws", e))
	require.Equal(t, env{"A": "1"}, e)
	require.NoError(t, second.Run(t.Context(), "ws", e))
	require.Equal(t, env{"A": "2"}, e)
	require.Zero(t, provisionhook.NewRegistry().Len(), "and none registers anything by itself")
}

func TestReleaseMayFollowARunThatFailed(t *testing.T) {
	var log []string
	reg := registry(&releasing{name: "lease", log: &log}, fails("bad", errBoom))
	require.Error(t, reg.Run(t.Context(), "ws", env{}))
	require.Empty(t, log, "a failed Run releases nothing")
	require.NoError(t, reg.Release(t.Context(), "ws"))
	require.Equal(t, []string{"lease ws"}, log, "because Release may follow it")
}
