package workspace_test

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/stretchr/testify/require"
)

// forge is a GitHub with one repository, a platform for it, and a git in a workspace of that platform.
type forge struct {
	*testutil.Git
	github   *githubapptest.Server
	tokens   tokenprovider.TokenProvider // what the platform hands out
	platform *platform
	url      string // of the repository
	host     string // of that
	helper   string // what git is configured with
	dir      string // where to clone to
}

// newForge wires git as the mutators do, after the configuration that env has already.
func newForge(t *testing.T, life time.Duration, env map[string]string) *forge {
	t.Helper()
	g := testutil.NewGit(t)
	github, err := githubapptest.NewServer(&githubapptest.Options{TLS: true, TokenLife: life})
	require.NoError(t, err)
	t.Cleanup(github.Close)
	setUp, err := github.SetUp("acme/widgets")
	require.NoError(t, err)
	app, err := githubapp.New(githubapp.Options{
		AppID: setUp.AppID, PrivateKey: setUp.PrivateKey(), BaseURL: github.URL, HTTPClient: github.Client(),
		Cache: tokenprovider.CacheOptions{Settle: -1},
	})
	require.NoError(t, err)
	f := &forge{Git: g, github: github, tokens: app.Installation(setUp.InstallationID), url: setUp.GitURLs[0], dir: t.TempDir()}
	f.platform = newPlatform(t, f.tokens)
	f.host, _, _ = strings.Cut(strings.TrimPrefix(f.url, "https://"), "/")

	folder := filepath.Join(t.TempDir(), "folder of the helper's")
	require.NoError(t, os.Mkdir(folder, 0o700))
	command := filepath.Join(folder, filepath.Base(testutil.Command(t)))
	require.NoError(t, os.Link(testutil.Command(t), command))

	maps.Copy(g.Env, f.platform.env(t, "ws-1"))
	g.Env["GIT_SSL_CAINFO"] = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(g.Env["GIT_SSL_CAINFO"], github.CertPEM(), 0o600))
	maps.Copy(g.Env, env)
	mutator, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{Hosts: []string{f.host}, Command: command})
	require.NoError(t, err)
	require.NoError(t, mutator.MutateEnv(t.Context(), "ws-1", g.Env))
	f.helper = f.Run(t, f.dir, "config", "--get-urlmatch", "credential.helper", f.url)
	return f
}

// trust lets git trust one more certificate.
func (f *forge) trust(t *testing.T, certificate *x509.Certificate) {
	t.Helper()
	bundle := append(f.github.CertPEM(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	require.NoError(t, os.WriteFile(f.Env["GIT_SSL_CAINFO"], bundle, 0o600))
}

// push makes a commit in the clone and pushes it.
func (f *forge) push(t *testing.T, clone string) {
	t.Helper()
	f.Run(t, clone, "commit", "--quiet", "--allow-empty", "-m", "work")
	f.Run(t, clone, "push", "--quiet", "origin", "HEAD")
}

func TestGitGoesOnWorkingOverManyLivesOfItsToken(t *testing.T) {
	t.Parallel()
	f := newForge(t, time.Second, map[string]string{
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "advice.detachedHead", "GIT_CONFIG_VALUE_0": "false",
	})
	f.Run(t, f.dir, "clone", "--quiet", f.url, "clone")
	clone := filepath.Join(f.dir, "clone")
	require.Equal(t, "false", f.Run(t, clone, "config", "advice.detachedHead"))
	for before := f.github.Mints(); f.github.Mints() < before+3; {
		f.push(t, clone)
		f.Run(t, clone, "fetch", "--quiet")
	}
	require.NotContains(t, f.Run(t, clone, "config", "--list"), "ghs_")
}

func TestATokenThatTheForgeRefusesCostsOneCommandAndIsReplaced(t *testing.T) {
	t.Parallel()
	f := newForge(t, time.Hour, nil)
	f.Run(t, f.dir, "ls-remote", f.url)
	refused := strings.TrimSpace(call(t, f.Env, "", "token").stdout)
	f.github.RefuseToken(refused)

	_, stderr, err := f.Try(t, f.dir, "ls-remote", f.url)
	require.Error(t, err)
	require.Contains(t, stderr, "Authentication failed")
	f.Run(t, f.dir, "ls-remote", f.url)
	asked := f.platform.asked()
	require.Equal(t, tokenprovider.TokenSHA256(refused), asked[len(asked)-1].Header.Get("Provisionkit-Rejected"))
	require.Equal(t, 2, f.github.Mints())
}

func TestNoOtherHelperIsAskedBeforeOursOrToldOurToken(t *testing.T) {
	t.Parallel()
	f := newForge(t, time.Hour, nil)
	stored, asked := filepath.Join(f.Home, "stored"), filepath.Join(f.Home, "asked")
	f.Run(t, f.dir, "config", "--global", "credential.helper", "store --file="+filepath.ToSlash(stored))
	f.Run(t, f.dir, "clone", "--quiet", f.url, "clone")
	clone := filepath.Join(f.dir, "clone")
	hostile := "!touch '" + filepath.ToSlash(asked) + "'; echo username=x; echo password=hostile; :"
	f.Run(t, clone, "config", "credential.helper", hostile)
	f.Run(t, clone, "config", "credential."+f.url+".helper", hostile)
	f.push(t, clone)
	require.NoFileExists(t, stored)
	require.NoFileExists(t, asked)
}

func TestWhenThereIsNoTokenGitAsksItsNextHelperOrQuits(t *testing.T) {
	t.Parallel()
	f := newForge(t, time.Hour, nil)
	f.platform.down()
	_, stderr, err := f.Try(t, f.dir, "ls-remote", f.url)
	require.Error(t, err)
	require.Contains(t, stderr, "git-credential-provisionkit: no token for "+f.host+": ")
	require.Contains(t, stderr, "502")
	require.NotContains(t, stderr, "secret")

	token, _, err := f.tokens.Token(t.Context())
	require.NoError(t, err)
	require.NoError(t, gitcredential.AppendEnv(f.Env, gitcredential.Entry{
		Key: "credential.https://" + f.host + ".helper", Value: "!echo username=x-access-token; echo password=" + token + "; :",
	}))
	f.Run(t, f.dir, "ls-remote", f.url)

	f.Env["PROVISIONKIT_ON_FAILURE"] = "quit"
	_, stderr, err = f.Try(t, f.dir, "ls-remote", f.url)
	require.Error(t, err)
	require.Contains(t, stderr, "told us to quit")
}

// TestAPathThatGitTellsDecidesNothing is about credential.useHttpPath, which nothing of ours sets: git then tells the path
// of the URL, which whoever wrote that has chosen.
func TestAPathThatGitTellsDecidesNothing(t *testing.T) {
	t.Parallel()
	f := newForge(t, time.Hour, nil)
	require.NotContains(t, strings.ToLower(f.Run(t, f.dir, "config", "--list")), "usehttppath")
	require.NoError(t, gitcredential.AppendEnv(f.Env, gitcredential.Entry{Key: "credential.useHttpPath", Value: "true"}))
	f.Run(t, f.dir, "clone", "--quiet", f.url, "clone")
	f.push(t, filepath.Join(f.dir, "clone"))

	fill := func(path string) string {
		cmd := f.Command(t, f.dir, "credential", "fill")
		cmd.Stdin = strings.NewReader("protocol=https\nhost=" + f.host + "\npath=" + path + "\n\n")
		output, _ := cmd.Output() // that git gives up is an answer too
		return string(output)
	}
	token := strings.TrimSpace(call(t, f.Env, "", "token").stdout)
	for _, path := range []string{"acme/widgets.git", "evil.example/x", "user@evil.example/x", "a b'\"$(touch x)"} {
		require.Contains(t, fill(path), "host="+f.host+"\npath="+path+"\nusername=x-access-token\npassword="+token+"\n")
	}
	for _, path := range []string{"../../etc/passwd", "https://evil.example/", "acme/../evil/x", "-upload"} {
		require.NotContains(t, fill(path), "password", path)
	}
	require.Len(t, f.platform.asked(), 1, "none of them reached the platform")
	require.Equal(t, "token", filepath.Base(f.platform.asked()[0].URL.Path))
}

// TestGitSendsTheHelpersAuthorizationAndNoOther is about what wires git: a header beside the helper's is one too many.
func TestGitSendsTheHelpersAuthorizationAndNoOther(t *testing.T) {
	t.Parallel()
	f := newForge(t, time.Hour, nil)
	a := newAccount(t)
	require.Zero(t, a.install(t).code)
	for _, list := range []string{f.Run(t, f.dir, "config", "--list", "--name-only"), a.Run(t, a.Home, "config", "--global", "--list", "--name-only")} {
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
	f.trust(t, proxy.Certificate())
	host := strings.TrimPrefix(proxy.URL, "https://")
	f.Env["PROVISIONKIT_HOSTS"] = host
	require.NoError(t, gitcredential.AppendEnv(f.Env, gitcredential.Entry{Key: "credential.helper", Value: f.helper}))
	_, _, err := f.Try(t, f.dir, "ls-remote", proxy.URL+"/acme/widgets")
	require.Error(t, err)
	require.Empty(t, <-sent, "before git was asked for one")
	require.Len(t, <-sent, 1)
	require.Empty(t, sent)
}

// TestARedirectToAnotherHostTakesNoTokenAlong also asks our helper for that host, as a generic configuration would.
func TestARedirectToAnotherHostTakesNoTokenAlong(t *testing.T) {
	t.Parallel()
	f := newForge(t, time.Hour, nil)
	credentials := make(chan string, 10)
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		credentials <- r.Header.Get("Authorization")
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer elsewhere.Close()
	f.trust(t, elsewhere.Certificate())
	require.NoError(t, gitcredential.AppendEnv(f.Env, gitcredential.Entry{Key: "credential.helper", Value: f.helper}))
	f.github.Fail(githubapptest.Rule{
		Path:  "/acme/widgets.git/**",
		Fault: githubapptest.Redirect(http.StatusFound, elsewhere.URL+"/acme/widgets.git/info/refs?service=git-upload-pack"),
	})
	_, _, err := f.Try(t, f.dir, "ls-remote", f.url)
	require.Error(t, err)
	require.Empty(t, <-credentials, "the first request goes out as it came")
	require.Empty(t, credentials, "and there is no second one")
	require.Empty(t, f.platform.asked())
}
