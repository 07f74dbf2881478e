package provisionhook_test

import (
	"context"
	"errors"
	"testing"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
)

// releasing is a Releaser that notes when it was called.
type releasing struct {
	name string
	err  error
	log  *[]string
}

func (r *releasing) Name() string { return r.name }

func (r *releasing) MutateEnv(context.Context, string, map[string]string) error { return nil }

func (r *releasing) ReleaseWorkspace(_ context.Context, workspaceID string) error {
	*r.log = append(*r.log, r.name+" "+workspaceID)
	if r.name == "panics" {
		panic("ouch")
	}
	return r.err
}

var _ provisionhook.Releaser = (*releasing)(nil)

func TestReleaseTriesAllInReverseOrderAndJoinsTheirErrors(t *testing.T) {
	first, last := errors.New("first error"), errors.New("last error")
	var log []string
	reg := registry(
		&releasing{"first", first, &log},
		sets("plain"),
		&clear{&releasing{"wrapped", nil, &log}},
		&releasing{"panics", nil, &log},
		&releasing{"last", last, &log},
	)
	err := reg.Release(t.Context(), "ws")
	require.Equal(t, []string{"last ws", "panics ws", "wrapped ws", "first ws"}, log)
	require.ErrorIs(t, err, first)
	require.ErrorIs(t, err, last)
	require.EqualError(t, err, "provisionhook \"last\": last error\n"+
		"provisionhook \"panics\": panic: a value of type string\nprovisionhook \"first\": first error")
	failed, ok := errors.AsType[*provisionhook.MutatorError](err)
	require.True(t, ok)
	require.Equal(t, "ws", failed.WorkspaceID)
}

func TestReleaseTriesAllWhenTheContextIsDone(t *testing.T) {
	var log []string
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, registry(&releasing{"a", nil, &log}, &releasing{"b", nil, &log}).Release(ctx, "ws"))
	require.Len(t, log, 2)
}

func TestReleaseCanBeRepeated(t *testing.T) {
	var log []string
	flaky := &releasing{"flaky", errBoom, &log}
	reg := registry(flaky)
	require.ErrorIs(t, reg.Release(t.Context(), "ws"), errBoom)
	flaky.err = nil
	require.NoError(t, reg.Release(t.Context(), "ws"))
	require.NoError(t, reg.Release(t.Context(), "ws"))
}
