package provisionhook

import (
	"context"
	"fmt"
)

// decorator is a mutator around another one.
type decorator struct {
	mutator  EnvMutator
	name     string
	kind     string // for Describe
	files    FileMutator
	releaser Releaser
	around   around
}

// inside calls the mutator that is decorated.
type inside func(context.Context, draft) error

// around calls inside with ctx, or one derived from it, and with d, or a copy
// of it that it puts into d in the end.
type around func(ctx context.Context, workspaceID string, d draft, inside inside) error

// decorate returns a decorator around m that has just the optional interfaces
// it must guard: those that m has.
func decorate(kind string, m EnvMutator, name string, around around) EnvMutator {
	d := &decorator{mutator: m, name: name, kind: kind, around: around}
	var hasFiles, hasRelease bool
	d.files, hasFiles = As[FileMutator](m)
	d.releaser, hasRelease = As[Releaser](m)
	switch {
	case hasFiles && hasRelease:
		return struct {
			*decorator
			decoratedFiles
			decoratedRelease
		}{d, decoratedFiles{d}, decoratedRelease{d}}
	case hasFiles:
		return struct {
			*decorator
			decoratedFiles
		}{d, decoratedFiles{d}}
	case hasRelease:
		return struct {
			*decorator
			decoratedRelease
		}{d, decoratedRelease{d}}
	default:
		return struct{ *decorator }{d}
	}
}

func (d *decorator) Name() string       { return d.name }
func (d *decorator) Unwrap() EnvMutator { return d.mutator }
func (d *decorator) typeName() string   { return d.kind }

// Format prints the name only: fmt would go past the String method of the
// mutator inside and print its fields.
func (d *decorator) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "%s(%q)", d.kind, d.name) }

func (d *decorator) MutateEnv(ctx context.Context, workspaceID string, env map[string]string) error {
	return d.around(ctx, workspaceID, draft{env: env}, func(ctx context.Context, copies draft) error {
		return d.mutator.MutateEnv(ctx, workspaceID, copies.env)
	})
}

// mutate is called by a [Registry] in place of MutateEnv and MutateFiles.
func (d *decorator) mutate(ctx context.Context, workspaceID string, both draft) error {
	return d.around(ctx, workspaceID, both, func(ctx context.Context, copies draft) error {
		return mutate(ctx, d.mutator, d.files, workspaceID, copies)
	})
}

type decoratedFiles struct{ d *decorator }

func (f decoratedFiles) MutateFiles(ctx context.Context, workspaceID string, files map[string][]byte) error {
	return f.d.around(ctx, workspaceID, draft{files: files}, func(ctx context.Context, copies draft) error {
		return f.d.files.MutateFiles(ctx, workspaceID, copies.files)
	})
}

type decoratedRelease struct{ d *decorator }

func (r decoratedRelease) ReleaseWorkspace(ctx context.Context, workspaceID string) error {
	return r.d.around(ctx, workspaceID, draft{}, func(ctx context.Context, _ draft) error {
		return r.d.releaser.ReleaseWorkspace(ctx, workspaceID)
	})
}
