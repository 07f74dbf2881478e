package provisionhooktest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/molecule-ai/provisionkit/provisionhook"
)

// mutatorRules are the rules for every mutator.
var mutatorRules = []rule{
	{name: "name", test: testName,
		rule: "Name is not empty and is the same at each call."},
	{name: "any environment", test: testAnyEnvironment,
		rule: "MutateEnv works in any environment, an empty one too, and doesn't panic."},
	{name: "valid", test: testValid,
		rule: "What a mutator writes can be in an environment: no empty name, no \"=\" or NUL in a name, " +
			"no NUL in a value. Paths of files are absolute and clean."},
	{name: "every start", test: testEveryStart,
		rule: "MutateEnv runs at every start of a workspace, each time on an environment built anew, and " +
			"writes the same variables each time: it remembers nothing like \"done already\"."},
	{name: "idempotent", test: testIdempotent,
		rule: "MutateEnv is idempotent: in an environment that it has been in, it changes nothing."},
	{name: "keeps nothing", test: testKeepsNothing,
		rule: "env and files belong to the mutator until it returns and not a moment longer: " +
			"nothing touches them after that."},
	{name: "concurrent", test: testConcurrent,
		rule: "MutateEnv is safe for concurrent use, and one workspace's call has no influence on another's."},
	{name: "context", test: testContext,
		rule: "ctx bounds the call: when it is done, MutateEnv returns."},
	{name: "errors hold no secrets", test: testErrors,
		rule: "An error holds no secret: nothing that is in the environment may be quoted."},
	{name: "process", test: testProcess,
		rule: "A mutator changes the workspace's environment and never that of the platform's own process."},
	{name: "abilities", test: testAbilities,
		rule: "A mutator can do what it seems to: no method is nearly that of an optional interface, " +
			"and a wrapper shows what it wraps by Unwrap() EnvMutator, or hides it with one that returns nil."},
}

func testName(k *kit) {
	first := k.name()
	if first == "" {
		k.broken("Name returned \"\"")
	}
	if again := k.name(); again != first {
		k.broken("Name returned %q, then %q", first, again)
	}
	k.result("ws-1", base())
	if later := k.name(); later != first {
		k.broken("Name returned %q, then %q after a call of MutateEnv", first, later)
	}
}

func testAnyEnvironment(k *kit) {
	for what, env := range environments() {
		if err := k.mutate(k.Context(), "ws-1", env, map[string][]byte{}); err != nil {
			k.broken("in %s it failed: %v", what, err)
		}
	}
}

func testValid(k *kit) {
	for what, env := range environments() {
		if _, err := registry(k.mutator).Plan(k.Context(), "ws-1", env); err != nil {
			k.broken("in %s a Registry refuses it: %v", what, err)
		}
	}
}

func testEveryStart(k *kit) {
	first := k.result("ws-1", base())
	for range 2 {
		if names := difference(first, k.result("ws-1", base())); len(names) > 0 {
			k.broken("two starts of one workspace differ in whether they have %q", names)
			return
		}
	}
}

func testIdempotent(k *kit) {
	before := k.result("ws-1", base())
	twice := k.result("ws-1", before)
	if names := difference(before, twice); len(names) > 0 {
		k.broken("a second call on the same environment added or removed %q", names)
	}
	for _, name := range stable(before, k.result("ws-1", base())) {
		if value, ok := twice[name]; ok && value != before[name] {
			k.broken("a second call on the same environment changed the value of %q", name)
		}
	}
}

// stable returns the names of the variables to which two calls, one before and
// one after what is compared with them, gave the same value. Others, like a
// token or a time, may have changed by themselves.
func stable(before, after map[string]string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if value, ok := after[name]; ok && value == before[name] {
			names = append(names, name)
		}
	}
	return names
}

func testKeepsNothing(k *kit) {
	env, files := base(), map[string][]byte{}
	if err := k.mutate(k.Context(), "ws-1", env, files); err != nil {
		k.broken("MutateEnv failed: %v", err)
		return
	}
	envThen, filesThen := maps.Clone(env), cloneFiles(files)
	for _, workspaceID := range []string{"ws-1", "ws-2"} {
		k.result(workspaceID, base())
	}
	if has[provisionhook.Releaser](k.mutator) {
		_ = k.release(k.Context(), "ws-1")
	}
	if !maps.Equal(env, envThen) {
		k.broken("the environment of a call that had returned was changed")
	}
	if !maps.EqualFunc(files, filesThen, bytes.Equal) {
		k.broken("the files of a call that had returned were changed")
	}
}

func testConcurrent(k *kit) {
	ids := []string{"ws-1", "ws-2", "ws-3", "ws-4"}
	alone := func() map[string]map[string]string {
		results := map[string]map[string]string{}
		for _, id := range ids {
			results[id] = k.result(id, base())
		}
		return results
	}
	before := alone()

	const each = 3 // several calls for one workspace, too
	together := make([]map[string]string, each*len(ids))
	errs := make([]error, len(together))
	var all sync.WaitGroup
	for i := range together {
		together[i] = base()
		all.Go(func() {
			errs[i] = k.mutate(k.Context(), ids[i%len(ids)], together[i], map[string][]byte{})
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		k.broken("of calls at the same time, some failed: %v", err)
		return
	}

	after := alone()
	for i, env := range together {
		id := ids[i%len(ids)]
		if names := difference(before[id], env); len(names) > 0 {
			k.broken("calls for workspace %q, alone and at the same time as others, differ in whether they have %q",
				id, names)
			return
		}
		for _, name := range stable(before[id], after[id]) {
			if env[name] != before[id][name] {
				k.broken("calls for workspace %q, alone and at the same time as others, differ in the value of %q",
					id, name)
				return
			}
		}
	}
}

func testContext(k *kit) {
	env, files := base(), map[string][]byte{}
	_ = k.done(func(ctx context.Context) error { return k.mutate(ctx, "ws-1", env, files) })
}

// testErrors provokes errors: by a context that is done, and by variables that
// are there already, with a value that nobody expects.
func testErrors(k *kit) {
	holds := func(err error) bool { return err != nil && strings.Contains(err.Error(), secret) }
	ended := func(ctx context.Context) error { return k.mutate(ctx, "ws-1", base(), map[string][]byte{}) }
	if holds(k.done(ended)) {
		k.broken("the error for a ctx that is done holds a value of the environment")
	}
	for _, name := range difference(base(), k.result("ws-1", base())) {
		env := base()
		env[name] = secret
		if holds(k.mutate(k.Context(), "ws-1", env, map[string][]byte{})) {
			k.broken("the error for an environment that has %q already holds its value", name)
		}
	}
}

func testProcess(k *kit) {
	before := os.Environ()
	k.result("ws-1", base())
	if !slices.Equal(before, os.Environ()) {
		k.broken("a call of MutateEnv changed the environment of this process")
	}
}

func testAbilities(k *kit) {
	for _, d := range registry(k.mutator).Describe() {
		if d.Note != "" {
			k.broken("%s", d.Note)
		}
	}
}
