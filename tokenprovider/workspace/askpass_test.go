package workspace_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestAskpassAnswersGitsPromptsForOurHostsAlone(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	env["PROVISIONKIT_HOSTS"] = "github.com,git.example:8443,[::1]:8443"
	for prompt, answer := range map[string]string{
		"Username for 'https://github.com': ":                "x-access-token",
		"Username for 'https://github.com':":                 "x-access-token",
		"Username for 'https://GitHub.com:443': ":            "x-access-token",
		"Username for 'https://git.example:8443': ":          "x-access-token",
		"Password for 'https://x-access-token@github.com': ": firstToken,
		"Password for 'https://bob%40x@github.com': ":        firstToken,
		"Password for 'https://github.com': ":                firstToken,
		"Password for 'https://@github.com': ":               firstToken,
		"Password for 'https://x@[::1]:8443': ":              firstToken,
	} {
		require.Equal(t, result{Stdout: answer + "\n"}, start(t, env, "", "askpass", prompt),
			prompt)
	}
	asked := len(p.Asked())
	for _, prompt := range []string{
		"", "Password: ", "Password for github.com: ", "password for 'https://github.com': ",
		"Passphrase for 'https://github.com': ",
		"Password for 'http://x@github.com': ", "Password for 'HTTP://x@github.com': ",
		"Password for 'ssh://x@github.com': ",
		"Password for 'https://x@evil.example': ", "Password for 'https://x@git.example': ",
		"Password for 'https://x@github.com.': ",
		"Password for 'https://github.com@evil.example': ",
		"Password for 'https://github.com/@evil.example': ",
		"Password for 'https://github.com/.evil.example': ",
		"Password for 'https://x@github.com/acme/widgets.git': ",
		"Password for 'https://github.com': @evil.example': ",
		"Password for 'https://evil.example': Password for 'https://github.com': ",
		"Password for 'https://evil.example'\nPassword for 'https://github.com': ",
		"Password for 'https://github.com': \n",
		"Password for 'https://x@github.com#evil.example': ",
		"Password for 'https://x@github.com?.evil.example': ",
		"Password for 'https://x@github.com%2eevil.example': ",
		"Password for 'https://x@github.com\x00.evil.example': ",
		"Password for 'https://x@ɡithub.com': ", "Password for 'https://x y@github.com': ",
		"Password for 'https://x@@github.com': ",
		"Password for 'https://x:y@github.com': ", "Enter passphrase for key '/root/.ssh/id_rsa': ",
		"Are you sure you want to continue connecting (yes/no)? ",
		" Password for 'https://github.com': ",
	} {
		require.Equal(t, result{Code: 1}, call(t, env, "", "askpass", prompt), "%q", prompt)
	}
	require.Len(t, p.Asked(), asked)
	for _, args := range [][]string{{"askpass"}, {"askpass", "a", "b"}} {
		call(t, env, "", args...).Failed(t)
	}
	fresh := newPlatform(t, workspacetest.Hourly())
	fresh.Down()
	require.Contains(t,
		call(t, fresh.Env(t, "ws-1"), "", "askpass", "Password for 'https://github.com': ").Failed(t),
		"no token for github.com: ")
}

func TestAskpassAnswersWithTheUserNameOfThePlatform(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	named, err := tokenhttp.NewHandler(workspacetest.Only(workspacetest.Hourly()), p.Key,
		&tokenhttp.Options{Username: "oauth2", Admit: workspacetest.Everyone})
	require.NoError(t, err)
	p.On(func(w http.ResponseWriter, r *http.Request) bool { named.ServeHTTP(w, r); return true })
	require.Equal(t, result{Stdout: "oauth2\n"}, call(t, p.Env(t, "ws-1"), "", "askpass", "Username for 'https://github.com': "))
}

// TestGitGetsItsTokenByAskpassWhereItHasNoHelper runs it as git does, by the
// name of a link, and over several lives of a token.
func TestGitGetsItsTokenByAskpassWhereItHasNoHelper(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewForge(t, 3*time.Second, nil)
	link := filepath.Join(t.TempDir(), "git-askpass-provisionkit"+filepath.Ext(testutil.Command(t)))
	workspacetest.Link(t, testutil.Command(t), link)
	f.Env["GIT_ASKPASS"] = link
	args := []string{"-c", "credential.https://" + f.Host + ".helper=", "ls-remote", f.URL}
	f.ForLives(3, func() { f.Run(t, f.Dir, args...) })
	f.Env["PROVISIONKIT_HOSTS"] = "github.com"
	asked := len(f.Platform.Asked())
	_, stderr, err := f.Try(t, f.Dir, args...)
	require.Error(t, err)
	require.NotContains(t, stderr, "ghs_")
	require.Len(t, f.Platform.Asked(), asked)
}
