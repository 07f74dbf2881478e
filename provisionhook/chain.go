package provisionhook

import (
	"bytes"
	"context"
	"fmt"
	"maps"
)

// chain is a Plan in the making. It is used by one goroutine.
type chain struct {
	plan       Plan
	checks     []Check
	owners     map[string]string // the mutator that set a variable
	fileOwners map[string]string
}

func newChain(r *Registry, env map[string]string) *chain {
	c := &chain{
		plan:       Plan{Env: maps.Clone(env), Files: map[string][]byte{}},
		owners:     map[string]string{},
		fileOwners: map[string]string{},
	}
	if env == nil {
		c.plan.Env = map[string]string{}
	}
	if r != nil {
		c.checks = r.checks
	}
	return c
}

// step lets one mutator work on copies and takes over what it changed. After an error the chain is not used any more.
func (c *chain) step(ctx context.Context, workspaceID string, e *entry) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("not run: %w", err)
	}
	// The copies stay with the mutator, which may have kept them, and are read once.
	copies := draft{env: maps.Clone(c.plan.Env)}
	if e.files != nil {
		copies.files = cloneFiles(c.plan.Files)
	}
	if err := guard(func() error { return mutate(ctx, e.mutator, e.files, workspaceID, copies) }); err != nil {
		return err
	}
	if err := c.takeEnv(e.name, copies.env); err != nil {
		return err
	}
	if e.files != nil {
		return c.takeFiles(e.name, copies.files)
	}
	return nil
}

func (c *chain) takeEnv(mutator string, after map[string]string) error {
	edits := diff(mutator, c.plan.Env, after, func(a, b string) bool { return a == b }, c.owners)
	for _, e := range edits {
		if err := validVariable(e); err != nil {
			return err
		}
	}
	changes := apply(edits, c.plan.Env, c.owners)
	c.plan.Changes = append(c.plan.Changes, changes...)
	return check(c.checks, changes, c.plan.Env)
}

func (c *chain) takeFiles(mutator string, after map[string][]byte) error {
	edits := diff(mutator, c.plan.Files, after, bytes.Equal, c.fileOwners)
	for i, e := range edits {
		if err := validPath(e.Key); err != nil {
			return err
		}
		edits[i].value = bytes.Clone(e.value)
	}
	c.plan.FileChanges = append(c.plan.FileChanges, apply(edits, c.plan.Files, c.fileOwners)...)
	return nil
}

// draft is what a mutator works on. files is nil for one that contributes none.
type draft struct {
	env   map[string]string
	files map[string][]byte
}

func (d draft) clone() draft {
	clone := draft{env: maps.Clone(d.env)}
	if d.files != nil {
		clone.files = cloneFiles(d.files)
	}
	return clone
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

// unit is a mutator that does MutateEnv and MutateFiles in one: a decorator, which must see both to guard them as one.
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
