package workspace_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace"
	"github.com/stretchr/testify/require"
)

func TestTheBuiltCommandGivesATokenForNoOperationButGet(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	for _, args := range [][]string{
		nil, {""}, {"GET"}, {" get"}, {"list"}, {"get;id"}, {"--get"}, {"get", "get"},
		{"get", "--help"}, {"get", "https://github.com"}, {"store"},
	} {
		r := start(t, env, request+"password=x\n", args...)
		require.Empty(t, r.Stdout, "%q", args)
		require.Contains(t, []int{0, 1}, r.Code, "%q", args)
	}
	for _, args := range [][]string{{"--help"}, {"capability"}} {
		r := start(t, env, request, args...)
		require.Zero(t, r.Code)
		require.NotContains(t, r.Stdout, "ghs_")
	}
	require.Empty(t, p.Asked())
}

func TestTheBuiltCommandLeavesAStandardInputThatNeverEnds(t *testing.T) {
	t.Parallel()
	env := newPlatform(t, &workspacetest.Mint{}).Env(t, "ws-1")
	cmd := process(t.Context(), t, env, "", "get")
	cmd.Stdin = nil
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Start())
	written := 0
	for lines := bytes.Repeat([]byte("a=b\n"), 1<<10); written < 64<<20; written += len(lines) {
		if _, err := stdin.Write(lines); err != nil {
			break // the command is gone
		}
	}
	require.Error(t, cmd.Wait())
	require.Less(t, written, 64<<20)
	require.Contains(t,
		result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}.Failed(t),
		"larger than")
}

func TestTheBuiltCommandPrintsNothingOfAnAnswerThatIsTooMuch(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, &workspacetest.Mint{})
	elsewhere := newPlatform(t, workspacetest.Hourly())
	redirect := func(status int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, elsewhere.Server.URL+r.URL.Path, status)
			return true
		}
	}
	for name, intercept := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"a redirect by 302": redirect(302),
		"a redirect by 303": redirect(303),
		"a redirect by 308": redirect(308),
		"1 GiB": func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"token":"ghs_x","x":"`)
			for block := strings.Repeat("y", 1<<20); ; {
				if _, err := io.WriteString(w, block); err != nil {
					return true
				}
			}
		},
		"a gzip bomb": func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			bomb := gzip.NewWriter(w)
			fmt.Fprint(bomb, `{"token":"ghs_x","x":"`)
			for range 64 {
				_, _ = io.WriteString(bomb, strings.Repeat("y", 1<<20))
			}
			_ = bomb.Close()
			return true
		},
		"a connection that breaks": func(http.ResponseWriter, *http.Request) bool {
			panic(http.ErrAbortHandler)
		},
	} {
		p.On(intercept)
		text := start(t, p.Env(t, "ws-1"), request, "get").Failed(t)
		require.NotContains(t, text, "yyy", name)
	}
	require.Empty(t, elsewhere.Asked(), "no redirect is followed")
}

// TestAnAnswerThatDripsEndsWithTheCommandsTime has a deadline of a second in
// place of the command's own.
func TestAnAnswerThatDripsEndsWithTheCommandsTime(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, &workspacetest.Mint{})
	p.On(func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"token":"ghs_x`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return true
	})
	env := p.Env(t, "ws-1")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	c := &workspace.Command{
		Args: []string{"git-credential-provisionkit", "get"}, Env: func(name string) string {
			return env[name]
		},
		Stdin: strings.NewReader(request), Stdout: &stdout, Stderr: &stderr,
	}
	code := c.Run(ctx)
	result{Stdout: stdout.String(), Stderr: stderr.String(), Code: code}.Clean(t, env).Failed(t)
}

func TestTheBuiltCommandSendsNoBearerToACertificateThatIsNotGood(t *testing.T) {
	t.Parallel()
	valid := func(from, to time.Duration, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(from),
			NotAfter: time.Now().Add(to),
			DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		}
	}
	for name, c := range map[string]struct {
		template *x509.Certificate
		trusted  bool
	}{
		"one that is good":    {valid(-time.Hour, time.Hour, "localhost"), true},
		"self-signed":         {valid(-time.Hour, time.Hour, "localhost"), false},
		"expired":             {valid(-2*time.Hour, -time.Hour, "localhost"), true},
		"not yet valid":       {valid(time.Hour, 2*time.Hour, "localhost"), true},
		"of another host":     {valid(-time.Hour, time.Hour, "evil.example"), true},
		"of a host with more": {valid(-time.Hour, time.Hour, "localhost.evil.example"), true},
	} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		der, err := x509.CreateCertificate(rand.Reader, c.template, c.template, key.Public(), key)
		require.NoError(t, err)
		p := newPlatform(t, &workspacetest.Mint{Life: time.Hour})
		server := httptest.NewUnstartedServer(p.Server.Config.Handler)
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
		server.StartTLS()
		defer server.Close()

		env := p.Env(t, "ws-1")
		_, port, err := net.SplitHostPort(server.Listener.Addr().String())
		require.NoError(t, err)
		env["PROVISIONKIT_URL"] = "https://localhost:" + port + "/workspaces/ws-1/token"
		env["SSL_CERT_DIR"], env["SSL_CERT_FILE"] = t.TempDir(), filepath.Join(t.TempDir(),
			"ca.pem")
		authority := []byte("none\n")
		if c.trusted {
			authority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		}
		require.NoError(t, os.WriteFile(env["SSL_CERT_FILE"], authority, 0o600))
		if name == "one that is good" && runtime.GOOS == "windows" {
			continue // SSL_CERT_FILE is nothing to its verifier
		}
		if name == "one that is good" {
			start(t, env, request, "get").Answered(t)
			continue
		}
		require.Contains(t, start(t, env, request, "get").Failed(t), "certificate", name)
		require.Empty(t, p.Asked(), name)
	}
}

func TestAPlatformWhoseClockIsTenMinutesOffIsNoReasonToGoWithout(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"ahead": 10 * time.Minute, "behind": -10 * time.Minute} {
		p := newPlatform(t, tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			return "ghs_x", time.Now().Add(time.Hour + skew), nil
		}))
		require.Equal(t, "ghs_x", start(t, p.Env(t, "ws-1"), request, "get").Answered(t), name)
	}
}

func TestErasingReportsThatVeryTokenForThatHostAlone(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	token := start(t, env, request, "get").Answered(t)
	for name, input := range map[string]string{
		"no password":  request,
		"another host": "protocol=https\nhost=evil.example\npassword=" + token + "\n",
		"http":         "protocol=http\nhost=github.com\npassword=" + token + "\n",
		"two hosts":    "protocol=https\nhost=evil.example\nhost=github.com\npassword=" + token + "\n",
	} {
		require.Empty(t, start(t, env, input, "erase").Stdout, name)
	}
	require.Len(t, p.Asked(), 1)
	for name, password := range map[string]string{
		"another password": "ghs_other", "a part of it": token[:20], "more than it": token + "x",
	} {
		require.Equal(t, result{}, start(t, env, workspacetest.Refused(password), "erase"))
		require.Equal(t, token, start(t, env, request, "get").Answered(t), name)
	}
	require.Equal(t, result{}, start(t, env, workspacetest.Refused(token), "erase"))
	asked := p.Asked()
	require.Equal(t, tokenprovider.TokenSHA256(token),
		asked[len(asked)-1].Header.Get("Provisionkit-Rejected"))
	require.NotEqual(t, token, start(t, env, request, "get").Answered(t))
}

// TestAStormOfErasesCostsThePlatformOneMint is a forge that refuses every token
// as soon as it gets it.
func TestAStormOfErasesCostsThePlatformOneMint(t *testing.T) {
	t.Parallel()
	source := &workspacetest.Mint{Life: time.Hour}
	p := newPlatform(t,
		tokenprovider.NewCache(source, &tokenprovider.CacheOptions{Settle: time.Hour}))
	env := p.Env(t, "ws-1")
	for range 20 {
		token := start(t, env, request, "get").Answered(t)
		start(t, env, workspacetest.Refused(token), "erase")
	}
	require.EqualValues(t, 1, source.N.Load())
}

// TestARepositoryThatBringsProgramsAndFilesGetsNothing has git itself run the
// command, in a work tree with all the names that git, the command and a shell
// look for, and "." on the PATH.
func TestARepositoryThatBringsProgramsAndFilesGetsNothing(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewForge(t, time.Hour, nil)
	f.Run(t, f.Dir, "clone", "--quiet", f.URL, "clone")
	clone := filepath.Join(f.Dir, "clone")
	stolen := filepath.Join(t.TempDir(), "stolen")
	script := "#!/bin/sh\n{ echo \"$@\"; env; cat; } >>'" + filepath.ToSlash(stolen) + "'\n"
	for _, name := range []string{"sh", "curl", "gh", "git", "env", "git-credential-provisionkit", "git-credential-store"} {
		require.NoError(t, os.WriteFile(filepath.Join(clone, name), []byte(script), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(clone, "bearer"), []byte("planted"), 0o600))
	require.NoError(t,
		os.WriteFile(filepath.Join(clone, ".netrc"), []byte("default login x password planted\n"), 0o600))
	maps.Copy(f.Env,
		map[string]string{"PATH": f.Env["PATH"] + string(os.PathListSeparator) + ".", "CODESPACES": "true"})
	f.Run(t, clone, "fetch", "--quiet")
	require.NoFileExists(t, stolen)

	f.Env["HOME"], f.Env["USERPROFILE"] = clone, clone // libcurl takes ~/.netrc before it asks any helper
	r := start(t, f.Env, "protocol=https\nhost="+f.Host+"\n\n", "get")
	require.NotEmpty(t, r.Answered(t))
	for _, name := range []string{"HOME", "USERPROFILE", "PATH"} {
		delete(f.Env, name)
	}
	require.NotEmpty(t, start(t, f.Env, "protocol=https\nhost="+f.Host+"\n\n", "get").Answered(t))
}
