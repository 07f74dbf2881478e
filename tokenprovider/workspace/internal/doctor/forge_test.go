package doctor_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/stretchr/testify/require"
)

func TestDoctorTellsWhatTheForgeAnswersForTheRepositoryAtHand(t *testing.T) {
	t.Parallel()
	origin := func(url string) func(*testing.T, *workspacetest.Forge, string) {
		return func(t *testing.T, f *workspacetest.Forge, clone string) {
			f.Run(t, clone, "config", "url.https://"+f.Host+"/.insteadOf", "work:")
			f.Run(t, clone, "remote", "set-url", "origin", url)
		}
	}
	answers := func(status int, text string) func(*testing.T, *workspacetest.Forge, string) {
		return func(t *testing.T, f *workspacetest.Forge, _ string) {
			rule := githubapptest.Rule{Path: "/acme/**", Fault: githubapptest.Body(status, "text/plain", text)}
			t.Cleanup(f.GitHub.Fail(rule))
		}
	}
	f := workspacetest.NewForge(t, time.Hour, nil)
	cloned := filepath.Join(f.Dir, "clone")
	f.Run(t, f.Dir, "clone", "--quiet", f.URL, cloned)
	for _, c := range []struct {
		name   string
		do     func(t *testing.T, f *workspacetest.Forge, clone string)
		status string
		says   string
	}{
		{"a token that is good", origin("work:acme/widgets.git"), "ok", "takes the token for acme/widgets"},
		{"another repository", origin("work:acme/gadgets"), "error", "has no acme/gadgets for this token (404)"},
		{"a user name in the URL", func(t *testing.T, f *workspacetest.Forge, clone string) {
			f.Run(t, clone, "remote", "set-url", "origin", "https://somebody@"+f.Host+"/acme/widgets")
		}, "ok", "takes the token for acme/widgets"},
		{"no remote", func(t *testing.T, f *workspacetest.Forge, clone string) {
			f.Run(t, clone, "remote", "remove", "origin")
		}, "skipped", "the repository has no remote origin"},
		{"a remote elsewhere", origin("https://git.example/acme/widgets"), "skipped", "origin isn't https at 127.0.0.1:"},
		{"a token that the forge refuses", answers(401, "hunter2"), "error", "refuses the token for acme/widgets (401)"},
		{"an address that isn't allowed", answers(403, "Although you appear to have the correct authorization "+
			"credentials, the `acme` organization has an IP allow list enabled, and your IP address is not permitted."),
			"error", "to this workspace's address (403, IP allow list)"},
		{"an installation that was suspended", func(t *testing.T, f *workspacetest.Forge, _ string) {
			f.GitHub.Suspend(1002, true)
			t.Cleanup(func() { f.GitHub.Suspend(1002, false) })
		}, "error", "forbids acme/widgets to this token (403)"},
		{"a forge that is ill", answers(503, "hunter2"), "error", "answers git with 503 for acme/widgets"},
		{"a proxy that refuses git", func(t *testing.T, f *workspacetest.Forge, clone string) {
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusForbidden)
			}))
			t.Cleanup(proxy.Close)
			f.Run(t, clone, "config", "http.proxy", proxy.URL)
			f.Env["NO_PROXY"] = ""
		}, "error", "git's proxy doesn't let it through to 127.0.0.1:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			clone, before := t.TempDir(), len(f.Platform.Asked())
			require.NoError(t, os.CopyFS(clone, os.DirFS(cloned)))
			c.do(t, f, clone)
			p := &patient{Git: f.Git, platform: f.Platform}
			d := p.in(t, clone)
			require.Contains(t, d.message("forge"), c.says, "%+v", d)
			require.Contains(t, d.with(c.status), "forge")
			reported := slices.ContainsFunc(f.Platform.Asked()[before:], func(r *http.Request) bool {
				return r.Header.Get("Provisionkit-Rejected") != ""
			})
			require.Equal(t, c.name == "a token that the forge refuses", reported)
		})
	}
}
