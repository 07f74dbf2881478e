package provisionhook_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
)

// allowed returns the error of ms over base under a policy; nil if it allows
// all.
func allowed(t *testing.T, checks []provisionhook.Check, base env, ms ...provisionhook.EnvMutator) error {
	t.Helper()
	reg := provisionhook.NewRegistry(checks...)
	reg.Register(ms...)
	before := maps.Clone(base)
	_, err := reg.Plan(t.Context(), "ws", base)
	require.Equal(t, before, base)
	return err
}

func TestBytesThatNoEnvironmentCanHoldAreRefusedByName(t *testing.T) {
	const secret = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"
	for name, c := range map[string]struct{ key, value, text string }{
		"an empty name": {"", secret, `provisionhook "m": the name of a variable is empty`},
		"= in a name": {
			"TOKEN=" + secret, "",
			`provisionhook "m": variable "TOKEN": its name goes on with "=", which a name can't hold`,
		},
		"= alone": {"=", secret, `variable "": its name goes on with "="`},
		"NUL in a name": {
			"TO\x00KEN", secret, `provisionhook "m": variable "TO\x00KEN": its name holds a NUL byte`,
		},
		"NUL in a value": {
			"TOKEN", secret + "\x00", `provisionhook "m": variable "TOKEN": its value holds a NUL byte`,
		},
		"a newline in a value":  {"TEXT", "a\nb", ""},
		"an odd name":           {"a b-c.d/ü\n", "x", ""},
		"bytes that aren't UTF": {"A", "\xff\xfe", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := allowed(t, nil, env{"=C:": `C:\`}, sets("first", "A", "1"), sets("m", c.key, c.value))
			if c.text == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.text)
			require.NotContains(t, err.Error(), secret)
		})
	}
	require.NoError(t, allowed(t, nil, env{"=C:": `C:\`, "": "x"}, deletes("m", "=C:", "")),
		"what the caller has may stay, and be deleted")
}

func TestProtect(t *testing.T) {
	policy := []provisionhook.Check{provisionhook.Protect("PATH", "PLATFORM_*", "LD_*")}
	base := env{"PATH": "/bin", "PLATFORM_ID": "7"}
	for name, c := range map[string]struct {
		mutator provisionhook.EnvMutator
		text    string
	}{
		"an override of a name": {
			sets("m", "PATH", "/evil"),
			`provisionhook "m": override of "PATH" refused: the platform protects it from all mutators`,
		},
		"a deletion of a name":       {deletes("m", "PATH"), `delete of "PATH" refused`},
		"a name with the prefix":     {sets("m", "LD_PRELOAD", "x"), `set of "LD_PRELOAD" refused`},
		"the prefix itself":          {sets("m", "LD_", "x"), `set of "LD_" refused`},
		"a deletion with the prefix": {deletes("m", "PLATFORM_ID"), `delete of "PLATFORM_ID" refused`},
		"the same value":             {sets("m", "PATH", "/bin"), ""},
		"a longer name":              {sets("m", "PATHS", "x", "MANPATH", "y", "XLD_A", "z"), ""},
		"a deletion of nothing":      {deletes("m", "LD_PRELOAD"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := allowed(t, policy, base, c.mutator)
			if c.text == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.text)
			}
		})
	}
}

func TestAPatternThatWouldProtectNothingRefusesEverything(t *testing.T) {
	changes := map[string]provisionhook.EnvMutator{
		"set": sets("m", "A", "1"), "override": sets("m", "BASE", "2"), "delete": deletes("m", "BASE"),
	}
	for _, pattern := range []string{"", "*_PROXY", "A*B", "A**"} {
		for function, check := range map[string]provisionhook.Check{
			"Protect":    provisionhook.Protect("PATH", pattern),
			"NoOverride": provisionhook.NoOverride(pattern, "A"),
		} {
			for kind, m := range changes {
				err := allowed(t, []provisionhook.Check{check}, env{"BASE": "b"}, m)
				require.ErrorContains(t, err, fmt.Sprintf(`provisionhook "m": %s of`, kind))
				require.ErrorContains(t, err,
					fmt.Sprintf("pattern %q of %s is neither a name nor the beginning of one and a *: "+
						"mend it in the platform's code; until then every change is refused", pattern, function))
			}
			policy := []provisionhook.Check{check}
			require.NoError(t, allowed(t, policy, env{"BASE": "b"}, sets("m", "BASE", "b")), "no change")
		}
	}
	require.NoError(t, allowed(t, []provisionhook.Check{provisionhook.Protect()}, nil, sets("m", "A", "1")))
	require.Error(t, allowed(t, []provisionhook.Check{provisionhook.Protect("*")}, nil, sets("m", "A", "1")))
}

func TestNoOverride(t *testing.T) {
	first := sets("first", "A", "1", "GIT_CONFIG_COUNT", "1")
	for name, c := range map[string]struct {
		second provisionhook.EnvMutator
		text   string
	}{
		"an override of another": {
			sets("second", "A", "2"),
			`provisionhook "second": override of "A" refused: mutator "first" has set it`,
		},
		"a deletion of another's": {
			deletes("second", "A"),
			`provisionhook "second": delete of "A" refused: mutator "first" has set it`,
		},
		"the same value":         {sets("second", "A", "1"), ""},
		"an override of its own": {sets("first", "A", "2"), ""},
		"the caller's variable":  {sets("second", "BASE", "2"), ""},
		"an exception":           {sets("second", "GIT_CONFIG_COUNT", "2"), ""},
		"a deleted exception":    {deletes("second", "GIT_CONFIG_COUNT"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := allowed(t, []provisionhook.Check{provisionhook.NoOverride("GIT_CONFIG_*")},
				env{"BASE": "b"}, first, c.second)
			if c.text == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.text)
			}
		})
	}
}

func TestPortableNames(t *testing.T) {
	policy := []provisionhook.Check{provisionhook.PortableNames()}
	for key, portable := range map[string]bool{
		"A": true, "_": true, "a_1": true, "A_TOKEN": true,
		"1A": false, "A-B": false, "A.B": false, "A B": false, "-A": false, "Ä": false, "A\n": false, "A\nB": false,
	} {
		err := allowed(t, policy, nil, sets("m", key, "x"))
		if portable {
			require.NoError(t, err, key)
		} else {
			require.ErrorContains(t, err,
				fmt.Sprintf(`provisionhook "m": set of %q refused: the name is not portable`, key))
		}
	}
	require.NoError(t, allowed(t, policy, env{"a-b": "1", "c-d": "2"}, deletes("m", "a-b")))
}

func TestEveryCheckMustAgreeWithEveryChange(t *testing.T) {
	var seen []string
	note := func(name string) provisionhook.Check {
		return func(c provisionhook.Change, e map[string]string) error {
			seen = append(seen,
				fmt.Sprintf("%s %s %s %s=%s of %d", name, c.Mutator, c.Kind, c.Key, e[c.Key], len(e)))
			e["WRITTEN"] = "by a check"
			delete(e, c.Key)
			return nil
		}
	}
	reg := provisionhook.NewRegistry(note("x"), nil, note("y"))
	reg.Register(sets("first", "B", "2", "A", "1"), deletes("second", "B"))
	p, err := reg.Plan(t.Context(), "ws", env{"BASE": "b"})
	require.NoError(t, err)
	require.Equal(t, env{"BASE": "b", "A": "1"}, p.Env, "a check has only a copy")
	require.Equal(t, []string{
		"x first set A=1 of 3", "y first set A=1 of 3",
		"x first set B=2 of 3", "y first set B=2 of 3",
		"x second delete B= of 2", "y second delete B= of 2",
	}, seen)
}

func TestTheEnvironmentThatAWorkspaceGetsHasBeenCheckedAsAWhole(t *testing.T) {
	agree := func(_ provisionhook.Change, e map[string]string) error {
		if e["A_TOKEN"] != e["OTHER_TOKEN"] {
			return errors.New("A_TOKEN and OTHER_TOKEN differ")
		}
		return nil
	}
	policy := []provisionhook.Check{agree}
	both := sets("m", "A_TOKEN", "t", "OTHER_TOKEN", "t")
	require.NoError(t, allowed(t, policy, nil, both, sets("other", "A", "1")))
	require.ErrorContains(t, allowed(t, policy, env{"A_TOKEN": "own"}, sets("m", "OTHER_TOKEN", "t")),
		`provisionhook "m": set of "OTHER_TOKEN" refused: A_TOKEN and OTHER_TOKEN differ`)
	require.ErrorContains(t, allowed(t, policy, nil, both, deletes("other", "A_TOKEN")),
		`provisionhook "other": delete of "A_TOKEN" refused`)
}

func TestTheChecksOfManyChangesEndWithTheContext(t *testing.T) {
	const many = 10_000
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	reg := provisionhook.NewRegistry(func(provisionhook.Change, map[string]string) error {
		asked++
		cancel()
		return nil
	})
	reg.Register(does("m", func(e env) {
		for i := range many {
			e[fmt.Sprint("V", i)] = "x"
		}
	}))
	e := env{}
	err := reg.Run(ctx, "ws", e)
	require.EqualError(t, err,
		`provisionhook "m": not all of its changes were checked: context canceled`)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, e)
	require.Less(t, asked, many/10)
}
