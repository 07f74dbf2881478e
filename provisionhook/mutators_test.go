package provisionhook_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
)

type env = map[string]string

// does returns a mutator that does f to the environment and succeeds.
func does(name string, f func(env)) provisionhook.EnvMutator {
	return provisionhook.Func(name, func(_ context.Context, _ string, e map[string]string) error {
		f(e)
		return nil
	})
}

// sets returns a mutator that sets variables, given as names and values in
// turn.
func sets(name string, pairs ...string) provisionhook.EnvMutator {
	return does(name, func(e env) {
		for i := 0; i < len(pairs); i += 2 {
			e[pairs[i]] = pairs[i+1]
		}
	})
}

// deletes returns a mutator that deletes variables.
func deletes(name string, keys ...string) provisionhook.EnvMutator {
	return does(name, func(e env) {
		for _, key := range keys {
			delete(e, key)
		}
	})
}

// fails returns a mutator that writes a variable, deletes another, and then
// returns err.
func fails(name string, err error) provisionhook.EnvMutator {
	return provisionhook.Func(name, func(_ context.Context, _ string, e map[string]string) error {
		e["HALF"] = "written"
		delete(e, "BASE")
		return err
	})
}

// registry returns a Registry of ms without checks.
func registry(ms ...provisionhook.EnvMutator) *provisionhook.Registry {
	reg := &provisionhook.Registry{}
	reg.Register(ms...)
	return reg
}

// plan returns the Plan of ms over base, which must succeed.
func plan(t *testing.T, base env, ms ...provisionhook.EnvMutator) *provisionhook.Plan {
	t.Helper()
	before := maps.Clone(base)
	p, err := registry(ms...).Plan(t.Context(), "ws", base)
	require.NoError(t, err)
	require.Equal(t, before, base, "Plan must not touch the caller's map")
	return p
}

// auth is a mutator that is a TokenProvider, as plugins are that write a token.
type auth struct{ name, token string }

func (a *auth) Name() string { return a.name }

func (a *auth) MutateEnv(_ context.Context, _ string, e map[string]string) error {
	e["TOKEN"] = a.token
	return nil
}

func (a *auth) Token(context.Context) (string, time.Time, error) {
	return a.token, time.Now().Add(time.Hour), nil
}

var _ provisionhook.TokenProvider = (*auth)(nil)

// opaque is a wrapper that doesn't show what is inside.
type opaque struct{ provisionhook.EnvMutator }

// clear is a wrapper that does.
type clear struct{ inner provisionhook.EnvMutator }

func (c *clear) Name() string                     { return c.inner.Name() }
func (c *clear) Unwrap() provisionhook.EnvMutator { return c.inner }
func (c *clear) MutateEnv(ctx context.Context, workspaceID string, e map[string]string) error {
	return c.inner.MutateEnv(ctx, workspaceID, e)
}
