package provisionhook_test

import (
	"maps"
	"testing"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
)

func TestEveryChangeSaysWhoDidItAndToWhom(t *testing.T) {
	for name, c := range map[string]struct {
		base    env
		chain   []provisionhook.EnvMutator
		want    env
		changes []provisionhook.Change
	}{
		"in the order of the keys": {
			chain: []provisionhook.EnvMutator{sets("m", "C", "3", "A", "1", "B", "2")},
			want:  env{"A": "1", "B": "2", "C": "3"},
			changes: []provisionhook.Change{
				{Mutator: "m", Key: "A", Kind: provisionhook.KindSet},
				{Mutator: "m", Key: "B", Kind: provisionhook.KindSet},
				{Mutator: "m", Key: "C", Kind: provisionhook.KindSet},
			},
		},
		"an override of the caller, then of a mutator": {
			base:  env{"A": "0"},
			chain: []provisionhook.EnvMutator{sets("first", "A", "1"), sets("second", "A", "2")},
			want:  env{"A": "2"},
			changes: []provisionhook.Change{
				{Mutator: "first", Key: "A", Kind: provisionhook.KindOverride},
				{Mutator: "second", Key: "A", Kind: provisionhook.KindOverride, Previous: "first"},
			},
		},
		"a deletion of the caller's, and of a mutator's": {
			base:  env{"A": "0"},
			chain: []provisionhook.EnvMutator{sets("first", "B", "1"), deletes("second", "A", "B", "C")},
			want:  env{},
			changes: []provisionhook.Change{
				{Mutator: "first", Key: "B", Kind: provisionhook.KindSet},
				{Mutator: "second", Key: "A", Kind: provisionhook.KindDelete},
				{Mutator: "second", Key: "B", Kind: provisionhook.KindDelete, Previous: "first"},
			},
		},
		"a deletion and a new start": {
			base: env{"A": "0"},
			chain: []provisionhook.EnvMutator{deletes("first", "A"), sets("second", "A", "0"),
				sets("third", "A", "3")},
			want: env{"A": "3"},
			changes: []provisionhook.Change{
				{Mutator: "first", Key: "A", Kind: provisionhook.KindDelete},
				{Mutator: "second", Key: "A", Kind: provisionhook.KindSet},
				{Mutator: "third", Key: "A", Kind: provisionhook.KindOverride, Previous: "second"},
			},
		},
		"set, deleted and set again, each by another": {
			chain: []provisionhook.EnvMutator{sets("first", "A", "1"), deletes("second", "A"),
				sets("third", "A", "1"), deletes("first", "A")},
			want: env{},
			changes: []provisionhook.Change{
				{Mutator: "first", Key: "A", Kind: provisionhook.KindSet},
				{Mutator: "second", Key: "A", Kind: provisionhook.KindDelete, Previous: "first"},
				{Mutator: "third", Key: "A", Kind: provisionhook.KindSet},
				{Mutator: "first", Key: "A", Kind: provisionhook.KindDelete, Previous: "third"},
			},
		},
		"the same value is no change, and leaves the owner": {
			base: env{"A": "0"},
			chain: []provisionhook.EnvMutator{sets("first", "A", "0", "B", "1"), sets("second", "B", "1"),
				sets("third", "B", "3")},
			want: env{"A": "0", "B": "3"},
			changes: []provisionhook.Change{
				{Mutator: "first", Key: "B", Kind: provisionhook.KindSet},
				{Mutator: "third", Key: "B", Kind: provisionhook.KindOverride, Previous: "first"},
			},
		},
		"there and back again is no change": {
			base: env{"A": "0"},
			chain: []provisionhook.EnvMutator{does("m",
				func(e env) { e["A"] = "1"; delete(e, "A"); e["A"] = "0"; e["B"] = ""; delete(e, "B") })},
			want: env{"A": "0"},
		},
		"an empty value is a value": {
			base:  env{"A": "0"},
			chain: []provisionhook.EnvMutator{sets("m", "A", "", "B", "")},
			want:  env{"A": "", "B": ""},
			changes: []provisionhook.Change{
				{Mutator: "m", Key: "A", Kind: provisionhook.KindOverride},
				{Mutator: "m", Key: "B", Kind: provisionhook.KindSet},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan(t, c.base, c.chain...)
			require.Equal(t, c.want, p.Env)
			require.Equal(t, c.changes, p.Changes)
		})
	}
}

func TestPlanAndRunAgree(t *testing.T) {
	reg := registry(sets("first", "A", "1", "BASE", "x"), deletes("second", "GONE"),
		does("third", func(e env) { e["B"] = e["A"] + e["BASE"] }))
	e := env{"BASE": "b", "GONE": "g", "SAME": "s"}
	p, err := reg.Plan(t.Context(), "ws", e)
	require.NoError(t, err)
	again, err := reg.Plan(t.Context(), "ws", e)
	require.NoError(t, err)
	require.Equal(t, p, again, "planning has no effect and a fixed order")
	require.NoError(t, reg.Run(t.Context(), "ws", e))
	require.Equal(t, p.Env, e)
}

func TestAPlanBelongsToItsCaller(t *testing.T) {
	base := env{"BASE": "b"}
	reg := registry(&filing{name: "m", files: map[string]string{"/etc/m": "1"}})
	p, err := reg.Plan(t.Context(), "ws", base)
	require.NoError(t, err)
	p.Env["BASE"] = "changed"
	p.Files["/etc/m"][0] = 'X'
	maps.DeleteFunc(p.Env, func(string, string) bool { return true })
	require.Equal(t, env{"BASE": "b"}, base)
	again, err := reg.Plan(t.Context(), "ws", base)
	require.NoError(t, err)
	require.Equal(t, env{"BASE": "b", "BY_M": "yes"}, again.Env)
	require.Equal(t, "1", string(again.Files["/etc/m"]))
}

func TestEnvironIsSortedAndReadyForExec(t *testing.T) {
	p := plan(t, env{"B": "2", "A": "1=1", "C": "line\nline", "A_": ""})
	require.Equal(t, []string{"A=1=1", "A_=", "B=2", "C=line\nline"}, p.Environ())
	require.Empty(t, (*provisionhook.Plan)(nil).Environ())
	require.Empty(t, (&provisionhook.Plan{}).Environ())
}
