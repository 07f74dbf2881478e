package provisionhook_test

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
)

func TestMaxSize(t *testing.T) {
	bytes := func(n int) string { return strings.Repeat("x", n) }
	for name, c := range map[string]struct {
		perEntry, total int
		base            env
		mutator         provisionhook.EnvMutator
		text            string
	}{
		"a variable at the limit": {10, 0, nil, sets("m", "ABC", bytes(5)), ""},
		"a variable above it": {
			10, 0, nil, sets("m", "ABC", bytes(6)),
			`provisionhook "m": set of "ABC" refused: the variable has 11 bytes, at most 10 are allowed`,
		},
		"the caller's variable":       {10, 0, env{"BASE": bytes(99)}, sets("m", "A", "1"), ""},
		"an environment at the limit": {0, 20, env{"BASE": bytes(4)}, sets("m", "ABC", bytes(5)), ""},
		"an environment above it": {
			0, 20, env{"BASE": bytes(4)}, sets("m", "ABC", bytes(6)),
			`provisionhook "m": set of "ABC" refused: the environment has 21 bytes with it, at most 20 are allowed`,
		},
		"a deletion from too large": {0, 20, env{"BASE": bytes(99), "A": "1"}, deletes("m", "A"), ""},
		"no limits":                 {0, 0, nil, sets("m", "A", bytes(1<<20)), ""},
		"several small ones, in total": {
			10, 20, nil, sets("m", "A", "1", "B", "2", "C", "3", "D", "4", "E", "5"), "",
		},
		"one more than fits": {
			10, 20, nil, sets("m", "A", "1", "B", "2", "C", "3", "D", "4", "E", "5", "F", "6"),
			`set of "A" refused: the environment has 24 bytes`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := allowed(t, []provisionhook.Check{provisionhook.MaxSize(c.perEntry, c.total)}, c.base,
				c.mutator)
			if c.text == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.text)
			require.NotContains(t, err.Error(), "xxxx", "the value isn't shown")
		})
	}
}

func TestMaxSizeJudgesEveryVariableAndTheWholeAfterEachMutator(t *testing.T) {
	policy := []provisionhook.Check{
		provisionhook.MaxSize(10, 0), provisionhook.MaxSize(0, 40), provisionhook.MaxSize(9, 30),
	}
	small := func(name string, keys ...string) provisionhook.EnvMutator {
		return does(name, func(e env) {
			for _, key := range keys {
				e[key] = "x" // 4 bytes with a key of one letter
			}
		})
	}
	for name, c := range map[string]struct {
		chain []provisionhook.EnvMutator
		text  string
	}{
		"all fit": {
			[]provisionhook.EnvMutator{small("a", "A", "B", "C"), small("b", "D", "E", "F", "G")}, "",
		},
		"the last of several is too large": {
			[]provisionhook.EnvMutator{sets("a", "A", "1", "B", "2", "C", "1234567")},
			`provisionhook "a": set of "C" refused: the variable has 10 bytes, at most 9 are allowed`},
		"the second mutator's are too many": {
			[]provisionhook.EnvMutator{small("a", "A", "B", "C"), small("b", "D", "E", "F", "G", "H")},
			`provisionhook "b": set of "D" refused: the environment has 32 bytes with it, at most 30 are allowed`},
		"too many are deleted and set": {[]provisionhook.EnvMutator{does("a", func(e env) {
			delete(e, "A0")
			for _, key := range strings.Split("B C D E F G H I", " ") {
				e[key] = "x"
			}
		})}, `provisionhook "a": set of "B" refused: the environment has 32 bytes with it, at most 30 are allowed`},
	} {
		t.Run(name, func(t *testing.T) {
			err := allowed(t, policy, env{"A0": ""},
				append([]provisionhook.EnvMutator{deletes("first", "A0")}, c.chain...)...)
			if name == "too many are deleted and set" {
				err = allowed(t, policy, env{"A0": ""}, c.chain...)
			}
			if c.text == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, c.text)
			}
		})
	}
}

func TestARegistryKnowsMaxSize(t *testing.T) {
	require.True(t, provisionhook.IsMaxSize(provisionhook.MaxSize(1, 2)))
	require.True(t, provisionhook.IsMaxSize(provisionhook.MaxSize(0, 0)))
	for _, other := range []provisionhook.Check{
		provisionhook.Protect("A"), provisionhook.NoOverride(), provisionhook.PortableNames(),
		func(c provisionhook.Change, e map[string]string) error {
			return provisionhook.MaxSize(1, 2)(c, e)
		},
	} {
		require.False(t, provisionhook.IsMaxSize(other))
	}
}

// TestTheDocumentedLimitIsTheSystems starts a real process with the largest
// variable that MaxSize allows, and shows that the system refuses one byte
// more.
func TestTheDocumentedLimitIsTheSystems(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // the limit is Linux's
	}
	path := testutil.NeedTool(t, "true")
	const limit = 131072
	start := func(size int) (planned, started error) {
		variable := sets("m", "V", strings.Repeat("x", size-len("V")-2))
		checked := provisionhook.NewRegistry(provisionhook.MaxSize(limit, 1<<20))
		checked.Register(variable)
		_, planned = checked.Plan(t.Context(), "ws", nil)
		cmd := exec.CommandContext(t.Context(), path)
		cmd.Env = plan(t, nil, variable).Environ()
		return planned, cmd.Run()
	}
	planned, started := start(limit)
	require.NoError(t, planned)
	require.NoError(t, started)
	planned, started = start(limit + 1)
	require.ErrorContains(t, planned,
		`provisionhook "m": set of "V" refused: the variable has 131073 bytes`)
	require.ErrorContains(t, started, "argument list too long")
}
