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
