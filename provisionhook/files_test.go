package provisionhook_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
)

// filing is a FileMutator. kept is the map that it was given last.
type filing struct {
	name   string
	files  map[string]string
	delete []string
	err    error
	kept   map[string][]byte
}

func (f *filing) Name() string { return f.name }

func (f *filing) MutateEnv(_ context.Context, _ string, e map[string]string) error {
	e["BY_"+strings.ToUpper(f.name)] = "yes"
	return nil
}

func (f *filing) MutateFiles(_ context.Context, _ string, files map[string][]byte) error {
	for path, content := range f.files {
		files[path] = append(files[path], content...)
	}
	for _, path := range f.delete {
		delete(files, path)
	}
	f.kept = files
	return f.err
}

var _ provisionhook.FileMutator = (*filing)(nil)

func TestPlanReturnsTheFilesAndWhoContributedThem(t *testing.T) {
	p := plan(t, env{"BASE": "b"},
		&filing{name: "a", files: map[string]string{"/etc/a": "1", "/etc/shared": "1", "/etc/gone": "1"}},
		sets("plain"),
		&clear{&filing{name: "b", files: map[string]string{"/etc/shared": "2"},
			delete: []string{"/etc/gone"}}},
	)
	require.Equal(t, map[string][]byte{"/etc/a": []byte("1"), "/etc/shared": []byte("12")}, p.Files)
	require.Equal(t, env{"BASE": "b", "BY_A": "yes", "BY_B": "yes"}, p.Env)
	require.Equal(t, []provisionhook.Change{
		{Mutator: "a", Key: "/etc/a", Kind: provisionhook.KindSet},
		{Mutator: "a", Key: "/etc/gone", Kind: provisionhook.KindSet},
		{Mutator: "a", Key: "/etc/shared", Kind: provisionhook.KindSet},
		{Mutator: "b", Key: "/etc/gone", Kind: provisionhook.KindDelete, Previous: "a"},
		{Mutator: "b", Key: "/etc/shared", Kind: provisionhook.KindOverride, Previous: "a"},
	}, p.FileChanges)
}

func TestAMutatorThatKeepsItsFilesReachesNobody(t *testing.T) {
	m := &filing{name: "m", files: map[string]string{"/etc/a": "1"}}
	p := plan(t, nil, m, sets("next"))
	m.kept["/etc/a"][0] = 'X'
	m.kept["/etc/late"] = []byte("late")
	require.Equal(t, map[string][]byte{"/etc/a": []byte("1")}, p.Files)
}

func TestAFileThatFailsEndsTheChainWithTheVariables(t *testing.T) {
	boom := errors.New("boom")
	_, err := registry(&filing{name: "m", err: boom}).Plan(t.Context(), "ws", nil)
	require.ErrorIs(t, err, boom)
	require.ErrorContains(t, err, `provisionhook "m": boom`)
}

func TestAFileMutatorThatContributesNothingMayRun(t *testing.T) {
	e := env{}
	require.NoError(t, registry(&filing{name: "m"}).Run(t.Context(), "ws", e))
	require.Equal(t, env{"BY_M": "yes"}, e)
}

func TestPathsAreAbsoluteAndClean(t *testing.T) {
	for path, want := range map[string]string{
		"/etc/plugin/config": "",
		"/a":                 "",
		"/with space/ünï":    "",
		"":                   "the path of a file is empty",
		"/":                  "not absolute and clean",
		"etc/config":         "not absolute and clean",
		"./config":           "not absolute and clean",
		"~/config":           "not absolute and clean",
		"/etc/../root/.ssh":  "not absolute and clean",
		"/etc//config":       "not absolute and clean",
		"/etc/./config":      "not absolute and clean",
		"/etc/config/":       "not absolute and clean",
		"/etc/con\x00fig":    "holds a NUL byte",
	} {
		_, err := registry(&filing{name: "m", files: map[string]string{path: "x"}}).Plan(t.Context(),
			"ws", nil)
		if want == "" {
			require.NoError(t, err, path)
		} else {
			require.ErrorContains(t, err, want, path)
		}
	}
}

// scribbles is a FileMutator that overwrites what a file holds in place.
type scribbles struct {
	plain
	err error
}

func (s *scribbles) MutateFiles(_ context.Context, _ string, files map[string][]byte) error {
	files["/etc/first"][0] = 'X'
	return s.err
}

func TestAFileThatIsOverwrittenInPlaceIsAChangeOrIsDiscarded(t *testing.T) {
	first := &filing{name: "first", files: map[string]string{"/etc/first": "1"}}
	p := plan(t, nil, first, &scribbles{})
	require.Equal(t, "X", string(p.Files["/etc/first"]))
	require.Contains(t, p.FileChanges, provisionhook.Change{
		Mutator: "m", Key: "/etc/first", Kind: provisionhook.KindOverride, Previous: "first",
	})

	p = plan(t, nil, first, provisionhook.FailOpen(&scribbles{err: errBoom}, nil))
	require.Equal(t, "1", string(p.Files["/etc/first"]))
}
