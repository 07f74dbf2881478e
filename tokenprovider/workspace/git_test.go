package workspace_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/stretchr/testify/require"
)

func TestGitGoesOnWorkingOverTheLivesOfItsTokens(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewForge(t, 5*time.Second, map[string]string{
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "advice.detachedHead",
		"GIT_CONFIG_VALUE_0": "false",
	})
	f.Run(t, f.Dir, "clone", "--quiet", f.URL, "clone")
	clone := filepath.Join(f.Dir, "clone")
	require.Equal(t, "false", f.Run(t, clone, "config", "advice.detachedHead"))
	f.ForLives(2, func() {
		f.Push(t, clone)
		f.Run(t, clone, "fetch", "--quiet")
	})
	require.NotContains(t, f.Run(t, clone, "config", "--list"), "ghs_")
}

func TestATokenThatTheForgeRefusesCostsOneCommandAndIsReplaced(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewForge(t, time.Hour, nil)
	f.Run(t, f.Dir, "ls-remote", f.URL)
	refused := strings.TrimSpace(call(t, f.Env, "", "token").Stdout)
	f.GitHub.RefuseToken(refused)

	_, stderr, err := f.Try(t, f.Dir, "ls-remote", f.URL)
	require.Error(t, err)
	require.Contains(t, stderr, "Authentication failed")
	asked := f.Platform.Asked()
	require.Equal(t, tokenprovider.TokenSHA256(refused),
		asked[len(asked)-1].Header.Get("Provisionkit-Rejected"), "it is told before git ends")
	f.Run(t, f.Dir, "ls-remote", f.URL)
	require.Equal(t, 2, f.GitHub.Mints())
}

func TestNoOtherHelperIsAskedBeforeOursOrToldOurToken(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewForge(t, time.Hour, nil)
	stored, asked := filepath.Join(f.Home, "stored"), filepath.Join(f.Home, "asked")
	f.Run(t, f.Dir, "config", "--global", "credential.helper",
		"store --file="+filepath.ToSlash(stored))
	f.Run(t, f.Dir, "clone", "--quiet", f.URL, "clone")
	clone := filepath.Join(f.Dir, "clone")
	hostile := "!touch '" + filepath.ToSlash(asked) + "'; echo username=x; echo password=hostile; :"
	f.Run(t, clone, "config", "credential.helper", hostile)
	f.Run(t, clone, "config", "credential."+f.URL+".helper", hostile)
	f.Push(t, clone)
	require.NoFileExists(t, stored)
	require.NoFileExists(t, asked)
}

func TestWhenThereIsNoTokenGitAsksItsNextHelperOrQuits(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewForge(t, time.Hour, nil)
	f.Platform.Down()
	_, stderr, err := f.Try(t, f.Dir, "ls-remote", f.URL)
	require.Error(t, err)
	require.Contains(t, stderr, "git-credential-provisionkit: no token for "+f.Host+": ")
	require.Contains(t, stderr, "502")
	require.NotContains(t, stderr, "secret")

	token, _, err := f.Tokens.Token(t.Context())
	require.NoError(t, err)
	require.NoError(t, gitcredential.AppendEnv(f.Env, gitcredential.Entry{
		Key:   "credential.https://" + f.Host + ".helper",
		Value: "!echo username=x-access-token; echo password=" + token + "; :",
	}))
	f.Run(t, f.Dir, "ls-remote", f.URL)

	f.Env["PROVISIONKIT_ON_FAILURE"] = "quit"
	_, stderr, err = f.Try(t, f.Dir, "ls-remote", f.URL)
	require.Error(t, err)
	require.Contains(t, stderr, "told us to quit")
}

// TestAPathThatGitTellsIsAWishOrNothing is about credential.useHttpPath: git then
// tells the path of the URL, which whoever wrote that has chosen.
func TestAPathThatGitTellsIsAWishOrNothing(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewForge(t, time.Hour, nil)
	require.NotContains(t, strings.ToLower(f.Run(t, f.Dir, "config", "--list")), "usehttppath")
	require.NoError(t,
		gitcredential.AppendEnv(f.Env, gitcredential.Entry{Key: "credential.useHttpPath", Value: "true"}))
	f.Run(t, f.Dir, "clone", "--quiet", f.URL, "clone")
	f.Push(t, filepath.Join(f.Dir, "clone"))

	fill := func(path string) string {
		cmd := f.Command(t, f.Dir, "credential", "fill")
		cmd.Stdin = strings.NewReader("protocol=https\nhost=" + f.Host + "\npath=" + path + "\n\n")
		output, _ := cmd.Output() // that git gives up is an answer too
		return string(output)
	}
	token := strings.TrimSpace(call(t, f.Env, "", "token").Stdout)
	for _, path := range []string{"acme/widgets.git", "evil.example/x", "Acme/Widgets.git/info/lfs"} {
		require.Contains(t, fill(path),
			"host="+f.Host+"\npath="+path+"\nusername=x-access-token\npassword="+token+"\n")
	}
	for _, path := range []string{
		"../../etc/passwd", "https://evil.example/", "acme/../evil/x", "-upload", "user@evil.example/x", "a b'\"$(touch x)", "acme/x/y", "acme",
	} {
		require.NotContains(t, fill(path), "password", path)
	}
	asked := map[string]bool{}
	for _, r := range f.Platform.Asked() {
		asked[r.URL.String()] = true
	}
	const own = "/workspaces/ws-1/token?min_ttl=10m0s"
	require.Equal(t, map[string]bool{
		own: true, own + "&repository=acme%2Fwidgets": true, own + "&repository=evil.example%2Fx": true,
	}, asked, "the others didn't reach the platform")
}

// TestGitSendsTheHelpersAuthorizationAndNoOther is about what wires git: a
// header beside the helper's is one too many.
func TestGitSendsTheHelpersAuthorizationAndNoOther(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewForge(t, time.Hour, nil)
	a := testutil.NewGit(t)
	require.Zero(t, start(t, a.Env, "", "install", "--dir", t.TempDir()).Code)
	for _, list := range []string{
		f.Run(t, f.Dir, "config", "--list", "--name-only"),
		a.Run(t, a.Home, "config", "--global", "--list", "--name-only"),
	} {
		require.Contains(t, list, "credential.https://")
		require.NotContains(t, strings.ToLower(list), "extraheader")
		require.NotContains(t, strings.ToLower(list), "insteadof")
	}
	sent := make(chan []string, 20)
	proxy := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent <- r.Header.Values("Authorization")
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer proxy.Close()
	f.Trust(t, proxy.Certificate())
	host := strings.TrimPrefix(proxy.URL, "https://")
	f.Env["PROVISIONKIT_HOSTS"] = host
	require.NoError(t,
		gitcredential.AppendEnv(f.Env, gitcredential.Entry{Key: "credential.helper", Value: f.Helper}))
	_, _, err := f.Try(t, f.Dir, "ls-remote", proxy.URL+"/acme/widgets")
	require.Error(t, err)
	require.Empty(t, <-sent, "before git was asked for one")
	require.Len(t, <-sent, 1)
	require.Empty(t, sent)
}

// TestARedirectToAnotherHostTakesNoTokenAlong also asks our helper for that
// host, as a generic configuration would.
func TestARedirectToAnotherHostTakesNoTokenAlong(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewForge(t, time.Hour, nil)
	credentials := make(chan string, 10)
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		credentials <- r.Header.Get("Authorization")
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer elsewhere.Close()
	f.Trust(t, elsewhere.Certificate())
	require.NoError(t,
		gitcredential.AppendEnv(f.Env, gitcredential.Entry{Key: "credential.helper", Value: f.Helper}))
	f.GitHub.Fail(githubapptest.Rule{
		Path:  "/acme/widgets.git/**",
		Fault: githubapptest.Redirect(http.StatusFound, elsewhere.URL+"/acme/widgets.git/info/refs?service=git-upload-pack"),
	})
	_, _, err := f.Try(t, f.Dir, "ls-remote", f.URL)
	require.Error(t, err)
	require.Empty(t, <-credentials, "the first request goes out as it came")
	require.Empty(t, credentials, "and there is no second one")
	require.Empty(t, f.Platform.Asked())
}
