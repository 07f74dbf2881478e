package provisionhooktest

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/provisionhook"
)

// abilityRules are the rules of the optional interfaces.
var abilityRules = []rule{
	{name: "files", applies: has[provisionhook.FileMutator], test: testFiles,
		rule: "MutateFiles contributes the same files at every start, and is idempotent: " +
			"among files that it has contributed before, it changes nothing."},
	{name: "workspace token", test: testWorkspaceToken,
		applies: has[provisionhook.WorkspaceTokenProvider],
		rule:    "With a nil error, WorkspaceToken returns a token that is not empty and has not expired."},
	{name: "workspace token context", test: testWorkspaceTokenContext,
		applies: has[provisionhook.WorkspaceTokenProvider],
		rule:    "ctx bounds the wait for a token: when it is done, WorkspaceToken returns."},
	{name: "release", applies: has[provisionhook.Releaser], test: testRelease,
		rule: "ReleaseWorkspace is idempotent, and no error for a workspace that the mutator " +
			"has released. One that it has never seen may be an error, and no panic."},
	{name: "release context", applies: has[provisionhook.Releaser], test: testReleaseContext,
		rule: "ctx bounds the call: when it is done, ReleaseWorkspace returns."},
}

func has[T any](m provisionhook.EnvMutator) bool {
	_, ok := provisionhook.As[T](m)
	return ok
}

// filesOf returns what the mutator makes of files for a workspace. An error
// ends the test.
func (k *kit) filesOf(files map[string][]byte) map[string][]byte {
	k.Helper()
	result := cloneFiles(files)
	if err := k.mutate(k.Context(), "ws-1", base(), result); err != nil {
		k.broken("it failed: %v", err)
		k.FailNow()
	}
	return cloneFiles(result)
}

func testFiles(k *kit) {
	before := k.filesOf(nil)
	twice := k.filesOf(before)
	after := k.filesOf(nil)
	if paths := difference(before, after); len(paths) > 0 {
		k.broken("two starts of one workspace differ in whether they have %q", paths)
	}
	if paths := difference(before, twice); len(paths) > 0 {
		k.broken("a second call on the same files added or removed %q", paths)
	}
	for path, content := range before {
		// Others, like a file that holds a token, may have changed by
		// themselves.
		unchanging := bytes.Equal(content, after[path])
		if again, ok := twice[path]; ok && unchanging && !bytes.Equal(content, again) {
			k.broken("a second call on the same files changed the content of %q", path)
		}
	}
}

// cloneFiles copies the contents too.
func cloneFiles(files map[string][]byte) map[string][]byte {
	clone := make(map[string][]byte, len(files))
	for path, content := range files {
		clone[path] = bytes.Clone(content)
	}
	return clone
}

func (k *kit) workspaceToken(ctx context.Context) (token string, expiresAt time.Time, err error) {
	err = call(func() (err error) {
		p, _ := provisionhook.As[provisionhook.WorkspaceTokenProvider](k.mutator)
		token, expiresAt, err = p.WorkspaceToken(ctx, "ws-1")
		return err
	})
	return token, expiresAt, err
}

func testWorkspaceToken(k *kit) {
	k.result("ws-1", base())
	token, expiresAt, err := k.workspaceToken(k.Context())
	switch {
	case err != nil:
		k.broken("it failed for a workspace that has started: %v", err)
	case token == "":
		k.broken("the token is empty")
	case !expiresAt.IsZero() && !expiresAt.After(time.Now()):
		k.broken("the token expired at %s", expiresAt)
	}
}

func testWorkspaceTokenContext(k *kit) {
	_ = k.done(func(ctx context.Context) error {
		_, _, err := k.workspaceToken(ctx)
		return err
	})
}

func (k *kit) release(ctx context.Context, workspaceID string) error {
	return call(func() error {
		r, _ := provisionhook.As[provisionhook.Releaser](k.mutator)
		return r.ReleaseWorkspace(ctx, workspaceID)
	})
}

func testRelease(k *kit) {
	err := k.release(k.Context(), "ws-never-seen")
	if defect, ok := errors.AsType[*foreign.Defect](err); ok {
		k.broken("it failed for a workspace that was never started: %v", defect)
	}
	k.result("ws-1", base())
	for _, when := range []string{"that has started", "that was released before"} {
		if err := k.release(k.Context(), "ws-1"); err != nil {
			k.broken("it failed for a workspace %s: %v", when, err)
		}
	}
	k.result("ws-1", base()) // a workspace with that id may start again
}

func testReleaseContext(k *kit) {
	_ = k.done(func(ctx context.Context) error { return k.release(ctx, "ws-1") })
}
