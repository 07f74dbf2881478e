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
	checks     []registeredCheck
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

// step lets one mutator work on copies and takes over what it changed. After an
// error the chain must not be used any more.
func (c *chain) step(ctx context.Context, workspaceID string, e *entry) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("not run: %w", err)
	}
	// The mutator may keep the copies, so they are read once, below.
	copies := draft{env: maps.Clone(c.plan.Env)}
	if e.files != nil {
		copies.files = cloneFiles(c.plan.Files)
	}
	err := call(func() error { return mutate(ctx, e.mutator, e.files, workspaceID, copies) })
	if err != nil {
		return err
	}
	if err := c.takeEnv(ctx, e.name, copies.env); err != nil {
		return err
	}
	if e.files != nil {
		return c.takeFiles(e.name, copies.files)
	}
	return nil
}

func (c *chain) takeEnv(ctx context.Context, mutator string, after map[string]string) error {
	same := func(a, b string) bool { return a == b }
	edits := diff(mutator, c.plan.Env, after, same, c.owners)
	for _, e := range edits {
		if err := validVariable(e); err != nil {
			return err
		}
	}
	changes := apply(edits, c.plan.Env, c.owners)
	c.plan.Changes = append(c.plan.Changes, changes...)
	return c.check(ctx, changes)
}

func (c *chain) takeFiles(mutator string, after map[string][]byte) error {
	edits := diff(mutator, c.plan.Files, after, bytes.Equal, c.fileOwners)
	for i, e := range edits {
		if err := validPath(e.Key); err != nil {
			return err
		}
		edits[i].value = bytes.Clone(e.value)
	}
	changes := apply(edits, c.plan.Files, c.fileOwners)
	c.plan.FileChanges = append(c.plan.FileChanges, changes...)
	return nil
}
