package doctor_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/stretchr/testify/require"
)

// TestDoctorTellsWhyThereIsNoTokenForTheRepositoryAtHand is about a platform
// that tells repositories apart.
func TestDoctorTellsWhyThereIsNoTokenForTheRepositoryAtHand(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewForge(t, time.Hour, nil)
	f.Run(t, f.Dir, "clone", "--quiet", f.URL, "clone")
	clone := filepath.Join(f.Dir, "clone")
	policy := workspacetest.NewPlatform(t, tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
		switch tokenprovider.Repository(ctx) {
		case "initech/x":
			return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeNotFound}
		case "acme/secret":
			return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeForbidden}
		}
		return f.Tokens.Token(ctx)
	}), f.Host)
	f.Env["PROVISIONKIT_URL"] = policy.Env(t, "ws-1")["PROVISIONKIT_URL"]
	f.Env["PROVISIONKIT_BEARER"] = policy.Bearer(t, "ws-1", time.Hour)
	f.Env["GIT_DIR"] = filepath.Join(clone, ".git")
	p := &patient{Git: f.Git}
	for _, row := range []struct{ origin, useHTTPPath, status, says string }{
		{"initech/x", "false", "error", "has no initech/x for this token (404)"},
		{"initech/x.git", "true", "error", "git gets no token for initech/x: "},
		{"initech/x", "true", "error", "the platform's app isn't installed on initech"},
		{"acme/secret", "true", "error", "acme/secret isn't among what the platform's policy allows this workspace"},
		{"acme/group/x", "true", "error", "isn't the owner and name of a repository"},
		{"acme/widgets", "true", "ok", "takes the token for acme/widgets"},
	} {
		require.NoError(t, gitcredential.AppendEnv(f.Env,
			gitcredential.Entry{Key: "credential.https://" + f.Host + ".useHttpPath", Value: row.useHTTPPath}))
		f.Run(t, clone, "remote", "set-url", "origin", "https://"+f.Host+"/"+row.origin)
		d := p.of(t)
		require.Contains(t, d.message("forge"), row.says, row.origin)
		require.Contains(t, d.with(row.status), "forge")
	}
}
