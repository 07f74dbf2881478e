package provisionhook

import (
	"context"
	"maps"
)

// draft is what a mutator works on. files is nil for one that contributes none.
type draft struct {
	env   map[string]string
	files map[string][]byte
}

func (d draft) clone() draft {
	return draft{env: maps.Clone(d.env), files: cloneFiles(d.files)}
}

// become makes d equal to other. The maps stay the same ones.
func (d draft) become(other draft) {
	replace(d.env, other.env)
	replace(d.files, other.files)
}

// replace makes dst equal to src.
func replace[V any](dst, src map[string]V) {
	for key := range dst {
		if _, ok := src[key]; !ok {
			delete(dst, key)
		}
	}
	maps.Copy(dst, src)
}

// unit is a mutator that does MutateEnv and MutateFiles in one call: a
// decorator, which must see both to guard them as one.
type unit interface {
	mutate(ctx context.Context, workspaceID string, d draft) error
}

// mutate calls MutateEnv of m, then MutateFiles of files, which may be nil.
func mutate(ctx context.Context, m EnvMutator, files FileMutator, workspaceID string, d draft) error {
	if u, ok := m.(unit); ok {
		return u.mutate(ctx, workspaceID, d)
	}
	if err := m.MutateEnv(ctx, workspaceID, d.env); err != nil || files == nil {
		return err
	}
	return files.MutateFiles(ctx, workspaceID, d.files)
}
