package provisionhooktest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// whole is a mutator with every optional interface that keeps all rules. A
// wrong one embeds it and breaks one.
type whole struct{}

func (whole) Name() string { return "whole" }

func (whole) MutateEnv(ctx context.Context, workspaceID string, env map[string]string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := strconv.Atoi(env["COUNT"]); env["COUNT"] != "" && err != nil {
		return errors.New("COUNT is not a number")
	}
	env["WORKSPACE_URL"] = "https://service.example/" + workspaceID
	env["NONCE"] = time.Now().String()
	env["COUNT"] = "1"
	delete(env, "HOME")
	return nil
}

func (whole) MutateFiles(_ context.Context, workspaceID string, files map[string][]byte) error {
	files["/etc/whole"] = []byte(workspaceID)
	return nil
}

func (whole) Token(context.Context) (string, time.Time, error) { return "t", time.Time{}, nil }

func (whole) WorkspaceToken(ctx context.Context, _ string) (string, time.Time, error) {
	return "t", time.Now().Add(time.Hour), ctx.Err()
}

func (whole) ReleaseWorkspace(ctx context.Context, _ string) error { return ctx.Err() }

var (
	_ provisionhook.EnvMutator             = whole{}
	_ provisionhook.FileMutator            = whole{}
	_ provisionhook.Releaser               = whole{}
	_ provisionhook.TokenProvider          = whole{}
	_ provisionhook.WorkspaceTokenProvider = whole{}
)

func TestMutatorsThatKeepTheContractPass(t *testing.T) {
	report := func(context.Context, string, error) {}
	for name, m := range map[string]provisionhook.EnvMutator{
		"whole":     whole{},
		"decorated": provisionhook.FailOpen(provisionhook.Timeout(whole{}, time.Minute), report),
		"func":      provisionhook.Func("func", whole{}.MutateEnv),
		"nothing": provisionhook.Func("nothing",
			func(context.Context, string, map[string]string) error { return nil }),
	} {
		t.Run(name, func(t *testing.T) {
			Run(t, func(*testing.T) provisionhook.EnvMutator { return m })
		})
	}
}

// wrong is whole with some of its methods replaced.
type wrong struct {
	whole
	name           func() string
	mutate         func(ctx context.Context, workspaceID string, env map[string]string) error
	files          func(files map[string][]byte)
	workspaceToken func(ctx context.Context) (string, time.Time, error)
	release        func(ctx context.Context, workspaceID string) error
}

func (w *wrong) Name() string {
	if w.name != nil {
		return w.name()
	}
	return w.whole.Name()
}

func (w *wrong) MutateEnv(ctx context.Context, workspaceID string, env map[string]string) error {
	if w.mutate != nil {
		return w.mutate(ctx, workspaceID, env)
	}
	return w.whole.MutateEnv(ctx, workspaceID, env)
}

func (w *wrong) MutateFiles(ctx context.Context, workspaceID string, files map[string][]byte) error {
	if w.files != nil {
		w.files(files)
	}
	return w.whole.MutateFiles(ctx, workspaceID, files)
}

func (w *wrong) WorkspaceToken(ctx context.Context, workspaceID string) (string, time.Time, error) {
	if w.workspaceToken != nil {
		return w.workspaceToken(ctx)
	}
	return w.whole.WorkspaceToken(ctx, workspaceID)
}

func (w *wrong) ReleaseWorkspace(ctx context.Context, workspaceID string) error {
	if w.release != nil {
		return w.release(ctx, workspaceID)
	}
	return w.whole.ReleaseWorkspace(ctx, workspaceID)
}

// writes returns a mutator that writes one variable.
func writes(name, value string) *wrong {
	return &wrong{mutate: func(_ context.Context, _ string, env map[string]string) error {
		env[name] = value
		return nil
	}}
}

// noContext is a mutator whose Token lacks its context.
type noContext struct{ provisionhook.EnvMutator }

func (noContext) Token() (string, time.Time, error) { return "", time.Time{}, nil }

// wrongs are mutators that each break a rule: the subtests that must fail, and
// a part of what they must say.
var wrongs = map[string]struct {
	make func(t *testing.T) provisionhook.EnvMutator
	fail []string
	says string
}{
	"nil": {
		func(*testing.T) provisionhook.EnvMutator { return (*wrong)(nil) },
		nil, `newMutator returned nil, or a nil pointer`,
	},
	"panics at its name": {
		func(*testing.T) provisionhook.EnvMutator { return &wrong{name: func() string { panic("no name") }} },
		nil, `a Registry can't register what newMutator returned: the mutator panicked: a value of type string`,
	},
	"empty name": {
		func(*testing.T) provisionhook.EnvMutator { return &wrong{name: func() string { return "" }} },
		[]string{"name", "abilities"}, `Name returned ""`,
	},
	"changing name": {
		func(*testing.T) provisionhook.EnvMutator {
			n := 0
			return &wrong{name: func() string { n++; return fmt.Sprint("n", n) }}
		},
		[]string{"name"}, `Name returned "n1", then "n2"`,
	},
	"name that MutateEnv changes": {
		func(*testing.T) provisionhook.EnvMutator {
			var called atomic.Bool
			return &wrong{
				name: func() string {
					if called.Load() {
						return "after"
					}
					return "before"
				},
				mutate: func(context.Context, string, map[string]string) error {
					called.Store(true)
					return nil
				},
			}
		},
		[]string{"name"}, `Name returned "before", then "after" after a call of MutateEnv`,
	},
	"panics in an empty environment": {
		func(*testing.T) provisionhook.EnvMutator {
			return &wrong{mutate: func(ctx context.Context, id string, env map[string]string) error {
				_ = env["SERVICE_KEY"][0]
				return whole{}.MutateEnv(ctx, id, env)
			}}
		},
		[]string{"any environment", "valid"},
		`in an empty environment it failed: the mutator panicked: runtime error: index out of range`,
	},
	"ends its goroutine": {
		func(*testing.T) provisionhook.EnvMutator {
			return &wrong{mutate: func(ctx context.Context, id string, env map[string]string) error {
				if env["SERVICE_KEY"] == "" {
					runtime.Goexit()
				}
				return whole{}.MutateEnv(ctx, id, env)
			}}
		},
		[]string{"any environment", "valid"},
		`in an empty environment it failed: the mutator ended its goroutine (runtime.Goexit)`,
	},
	"needs a variable": {
		func(*testing.T) provisionhook.EnvMutator {
			return &wrong{mutate: func(ctx context.Context, id string, env map[string]string) error {
				if env["SERVICE_KEY"] == "" {
					return errors.New("no service key")
				}
				return whole{}.MutateEnv(ctx, id, env)
			}}
		},
		[]string{"any environment", "valid"}, `in an empty environment it failed: no service key`,
	},
	"writes a whole assignment": {
		func(*testing.T) provisionhook.EnvMutator { return writes("A=1", "") },
		[]string{"valid"}, `a Registry refuses it: provisionhook "whole": variable "A": its name goes on with "="`,
	},
	"writes a relative path": {
		func(*testing.T) provisionhook.EnvMutator {
			return &wrong{files: func(files map[string][]byte) { files["etc/x"] = nil }}
		},
		[]string{"valid"}, `file "etc/x": the path is not absolute and clean`,
	},
	"remembers that it is done": {
		func(*testing.T) provisionhook.EnvMutator {
			var mu sync.Mutex
			done := map[string]bool{}
			return &wrong{mutate: func(ctx context.Context, id string, env map[string]string) error {
				mu.Lock()
				defer mu.Unlock()
				if done[id] {
					return nil
				}
				done[id] = true
				return whole{}.MutateEnv(ctx, id, env)
			}}
		},
		[]string{"every start", "concurrent"},
		`two starts of one workspace differ in whether they have ["COUNT" "HOME" "NONCE" "WORKSPACE_URL"]`,
	},
	"appends at each call": {
		func(*testing.T) provisionhook.EnvMutator {
			return &wrong{mutate: func(_ context.Context, _ string, env map[string]string) error {
				env["LIST"] += ":/opt/bin"
				return nil
			}}
		},
		[]string{"idempotent"}, `a second call on the same environment changed the value of "LIST"`,
	},
	"adds a variable at each call": {
		func(*testing.T) provisionhook.EnvMutator {
			return &wrong{mutate: func(_ context.Context, _ string, env map[string]string) error {
				env[fmt.Sprintf("ENTRY_%d", len(env))] = "x"
				return nil
			}}
		},
		[]string{"idempotent"}, `a second call on the same environment added or removed ["ENTRY_4"]`,
	},
	"keeps the environment and writes it later": {
		func(*testing.T) provisionhook.EnvMutator {
			var mu sync.Mutex
			kept := map[string]map[string]string{}
			return &wrong{mutate: func(_ context.Context, id string, env map[string]string) error {
				mu.Lock()
				defer mu.Unlock()
				if id == "ws-2" && kept["ws-1"] != nil {
					kept["ws-1"]["LATE"] = "yes"
				}
				if kept[id] == nil {
					kept[id] = env
				}
				return nil
			}}
		},
		[]string{"keeps nothing", "concurrent"},
		`the environment of a call that had returned was changed`,
	},
	"keeps the files and writes them later": {
		func(*testing.T) provisionhook.EnvMutator {
			var mu sync.Mutex
			var kept map[string][]byte
			return &wrong{files: func(files map[string][]byte) {
				mu.Lock()
				defer mu.Unlock()
				if kept == nil {
					kept = files
				} else {
					kept["/etc/late"] = nil
				}
			}}
		},
		[]string{"keeps nothing"}, `the files of a call that had returned were changed`,
	},
	"keeps the content of a file and writes it later": {
		func(*testing.T) provisionhook.EnvMutator {
			var mu sync.Mutex
			content := []byte{0}
			return &wrong{files: func(files map[string][]byte) {
				mu.Lock()
				defer mu.Unlock()
				content[0]++
				files["/etc/shared"] = content
			}}
		},
		[]string{"keeps nothing"}, `the files of a call that had returned were changed`,
	},
	"contributes a file once": {
		func(*testing.T) provisionhook.EnvMutator {
			var done atomic.Bool
			return &wrong{files: func(files map[string][]byte) {
				if !done.Swap(true) {
					files["/etc/once"] = nil
				}
			}}
		},
		[]string{"files"}, `two starts of one workspace differ in whether they have ["/etc/once"]`,
	},
	"appends to a file at each call": {
		func(*testing.T) provisionhook.EnvMutator {
			return &wrong{files: func(files map[string][]byte) {
				files["/etc/list"] = append(files["/etc/list"], "line\n"...)
			}}
		},
		[]string{"files"}, `a second call on the same files changed the content of "/etc/list"`,
	},
	"adds a file at each call": {
		func(*testing.T) provisionhook.EnvMutator {
			return &wrong{files: func(files map[string][]byte) {
				files[fmt.Sprintf("/etc/file-%d", len(files))] = nil
			}}
		},
		[]string{"files"}, `a second call on the same files added or removed ["/etc/file-2"]`,
	},
	"mixes up workspaces": {
		func(*testing.T) provisionhook.EnvMutator { return mixesUp() },
		[]string{"concurrent"}, `alone and at the same time as others, differ in the value of "ID"`,
	},
	"fails when called twice at once": {
		func(*testing.T) provisionhook.EnvMutator {
			var busy sync.Mutex
			return &wrong{mutate: func(context.Context, string, map[string]string) error {
				if !busy.TryLock() {
					return errors.New("busy")
				}
				defer busy.Unlock()
				time.Sleep(10 * time.Millisecond)
				return nil
			}}
		},
		[]string{"concurrent"}, `of calls at the same time, some failed: busy`,
	},
	"ignores its context": {
		func(t *testing.T) provisionhook.EnvMutator {
			end := make(chan struct{})
			t.Cleanup(func() { close(end) })
			return &wrong{mutate: func(ctx context.Context, id string, env map[string]string) error {
				if ctx.Err() != nil {
					<-end
				}
				return whole{}.MutateEnv(t.Context(), id, env)
			}}
		},
		[]string{"context", "errors hold no secrets"}, `it hasn't returned 250ms after the end of ctx`,
	},
	"quotes the environment when the context is done": {
		func(*testing.T) provisionhook.EnvMutator {
			return &wrong{mutate: func(ctx context.Context, _ string, env map[string]string) error {
				if ctx.Err() != nil {
					return fmt.Errorf("cut off with %v", env)
				}
				return nil
			}}
		},
		[]string{"errors hold no secrets"}, `the error for a ctx that is done holds a value of the environment`,
	},
	"quotes what it can't parse": {
		func(*testing.T) provisionhook.EnvMutator {
			return &wrong{mutate: func(ctx context.Context, _ string, env map[string]string) error {
				if _, err := strconv.Atoi(env["COUNT"]); env["COUNT"] != "" && err != nil {
					return err
				}
				env["COUNT"] = "1"
				return nil
			}}
		},
		[]string{"errors hold no secrets"}, `the error for an environment that has "COUNT" already holds its value`,
	},
	"writes into the process": {
		func(*testing.T) provisionhook.EnvMutator {
			return &wrong{mutate: func(ctx context.Context, id string, env map[string]string) error {
				if id == "ws-1" && ctx.Err() == nil {
					os.Setenv("PROVISIONHOOKTEST_LEAK", os.Getenv("PROVISIONHOOKTEST_LEAK")+"x")
				}
				return nil
			}}
		},
		[]string{"process"}, `a call of MutateEnv changed the environment of this process`,
	},
	"a Token without a context": {
		func(*testing.T) provisionhook.EnvMutator {
			return noContext{provisionhook.Func("m",
				func(context.Context, string, map[string]string) error { return nil })}
		},
		[]string{"abilities"},
		`no TokenProvider: method Token of provisionhooktest.noContext is func() (string, time.Time, error)`,
	},
	"an empty token": {
		func(*testing.T) provisionhook.EnvMutator {
			return &wrong{workspaceToken: func(context.Context) (string, time.Time, error) {
				return "", time.Time{}, nil
			}}
		},
		[]string{"workspace token"}, `the token is empty`,
	},
	"an expired token": {
		func(*testing.T) provisionhook.EnvMutator {
			return &wrong{workspaceToken: func(context.Context) (string, time.Time, error) {
				return "t", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), nil
			}}
		},
		[]string{"workspace token"}, `the token expired at 2020-01-01 00:00:00 +0000 UTC`,
	},
	"no token": {
		func(*testing.T) provisionhook.EnvMutator {
			return &wrong{workspaceToken: func(context.Context) (string, time.Time, error) {
				panic("no token")
			}}
		},
		[]string{"workspace token"},
		`it failed for a workspace that has started: the mutator panicked: a value of type string`,
	},
	"a token that ignores its context": {
		func(t *testing.T) provisionhook.EnvMutator {
			end := make(chan struct{})
			t.Cleanup(func() { close(end) })
			return &wrong{workspaceToken: func(ctx context.Context) (string, time.Time, error) {
				if ctx.Err() != nil {
					<-end
				}
				return "t", time.Time{}, nil
			}}
		},
		[]string{"workspace token context"}, `it hasn't returned 250ms after the end of ctx`,
	},
	"releases only what it knows": {
		func(*testing.T) provisionhook.EnvMutator {
			return &wrong{release: func(_ context.Context, id string) error {
				if id == "ws-never-seen" {
					panic("unknown workspace")
				}
				return nil
			}}
		},
		[]string{"release"}, `it failed for a workspace that was never started: the mutator panicked`,
	},
	"releases once": {
		func(*testing.T) provisionhook.EnvMutator {
			released := map[string]bool{}
			return &wrong{release: func(_ context.Context, id string) error {
				if released[id] {
					return errors.New("released already")
				}
				released[id] = true
				return nil
			}}
		},
		[]string{"release"}, `it failed for a workspace that was released before: released already`,
	},
	"a release that ignores its context": {
		func(t *testing.T) provisionhook.EnvMutator {
			end := make(chan struct{})
			t.Cleanup(func() { close(end) })
			return &wrong{release: func(ctx context.Context, _ string) error {
				if ctx.Err() != nil {
					<-end
				}
				return nil
			}}
		},
		[]string{"release context"}, `it hasn't returned 250ms after the end of ctx`,
	},
}

// mixesUp returns a mutator that writes the id of the call that came last:
// another one's, when there are calls at the same time. It waits for a second
// one for a moment, and is free of data races.
func mixesUp() *wrong {
	var mu sync.Mutex
	var last string
	return &wrong{mutate: func(_ context.Context, id string, env map[string]string) error {
		mu.Lock()
		last = id
		mu.Unlock()
		time.Sleep(5 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		env["ID"] = last
		return nil
	}}
}

const wrongEnv = "PROVISIONHOOKTEST_WRONG"

// TestEveryRuleFailsAMutatorThatBreaksIt runs this test again in a process of
// its own, where the kit must fail, and reads what it prints.
func TestEveryRuleFailsAMutatorThatBreaksIt(t *testing.T) {
	if os.Getenv(wrongEnv) != "" {
		patience = 250 * time.Millisecond
		for name, w := range wrongs {
			t.Run(name, func(t *testing.T) {
				if !slices.Contains(w.fail, "process") { // which the others would see
					t.Parallel() // they wait more than they work
				}
				Run(t, w.make)
			})
		}
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$",
		"-test.parallel=64")
	cmd.Env = append(os.Environ(), wrongEnv+"=1")
	output, err := cmd.CombinedOutput()
	require.Error(t, err, "the kit passed wrong mutators")
	require.False(t, strings.Contains(string(output), "DATA RACE"),
		"the wrong mutators are wrong, but not racy")

	failed := map[string][]string{} // the subtests of each mutator that failed
	said := map[string]string{}     // and what they printed
	// A subtest prints its own output after the line with its name.
	line := regexp.MustCompile(`^ *--- (FAIL|PASS): ` + t.Name() + `/([^/ ]+)(?:/([^ ]+))? `)
	current := ""
	for text := range strings.Lines(string(output)) {
		if m := line.FindStringSubmatch(text); m != nil {
			current = strings.ReplaceAll(m[2], "_", " ")
			if m[1] == "FAIL" && m[3] != "" {
				failed[current] = append(failed[current], strings.ReplaceAll(m[3], "_", " "))
			}
		}
		said[current] += strings.TrimSpace(text) + "\n"
	}

	broken := map[string]bool{}
	for name, w := range wrongs {
		slices.Sort(w.fail)
		slices.Sort(failed[name])
		require.Equal(t, w.fail, failed[name], "the rules that %q breaks; it printed:\n%s", name,
			said[name])
		require.Contains(t, said[name], w.says)
		for _, r := range rules {
			if slices.Contains(w.fail, r.name) {
				require.Contains(t, said[name], "rule: "+r.rule)
				broken[r.name] = true
			}
		}
	}
	for _, r := range rules {
		require.True(t, broken[r.name], "no mutator breaks the rule %q", r.name)
	}
}
