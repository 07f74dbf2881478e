package githubapptest_test

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func TestEveryAnswerOfTheAPICarriesGitHubsHeaders(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	for _, path := range []string{"/app", "/nowhere", "/api/v3/app"} {
		resp := f.do("GET", path, f.bearer(), "")
		h := resp.Header
		require.Equal(t, "application/json; charset=utf-8", h.Get("Content-Type"))
		require.Equal(t, "github.v3; format=json", h.Get("X-GitHub-Media-Type"))
		require.Equal(t, "2022-11-28", h.Get("X-GitHub-Api-Version-Selected"))
		require.NotEmpty(t, h.Get("X-GitHub-Request-Id"))
		for _, name := range []string{"Limit", "Remaining", "Used", "Reset", "Resource"} {
			require.NotEmpty(t, h.Get("X-RateLimit-"+name), name)
		}
		date, err := http.ParseTime(h.Get("Date"))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), date, 5*time.Second)
	}
}

func TestTheServersClockIsInDateAndInExpiries(t *testing.T) {
	t.Parallel()
	for _, offset := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
		f := newFake(t, &githubapptest.Options{ClockOffset: offset})
		resp := f.do("POST", mintPath, f.bearer(), "")
		require.Equal(t, http.StatusCreated, resp.StatusCode, "a JWT by the server's clock is good")
		date, err := http.ParseTime(resp.Header.Get("Date"))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(offset), date, 5*time.Second)
		expiresAt, err := time.Parse(time.RFC3339, resp.json["expires_at"].(string))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(offset+time.Hour), expiresAt, 5*time.Second)
	}
}

func TestTLSIsTrustedThroughCertPEMOnlyAndSpeaksHTTP2(t *testing.T) {
	t.Parallel()
	f := newFake(t, &githubapptest.Options{TLS: true})
	resp := f.do("GET", "/app", f.bearer(), "")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, 2, resp.ProtoMajor)
	require.Contains(t, string(f.CertPEM()), "BEGIN CERTIFICATE")

	stranger := &http.Client{Transport: &http.Transport{}}
	_, err := stranger.Get(f.URL + "/app")
	require.ErrorContains(t, err, "certificate")

	require.Nil(t, newFake(t, nil).CertPEM())
}

func TestLatencyIsWaitedByTheAPIOnly(t *testing.T) {
	t.Parallel()
	f := newFake(t, &githubapptest.Options{Latency: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := f.try(ctx, "GET", "/app", f.bearer(), "")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, http.StatusUnauthorized, f.do("GET", "/acme/widgets.git/info/refs?service=git-upload-pack", "", "").StatusCode)

	f.SetLatency(0)
	require.Equal(t, http.StatusOK, f.do("GET", "/app", f.bearer(), "").StatusCode)
}

func TestCloseBreaksRequestsOffAndRemovesTheRepositories(t *testing.T) {
	t.Parallel()
	s, err := githubapptest.NewServer(nil)
	require.NoError(t, err)
	testutil.NeedTool(t, "git")
	_, err = s.AddRepository("acme/widgets")
	require.NoError(t, err)
	dir := s.RepositoryDir("acme/widgets")
	require.DirExists(t, dir)

	s.Fail(githubapptest.Rule{Fault: githubapptest.Hang})
	broken := make(chan error)
	go func() {
		resp, err := s.Client().Get(s.URL + "/app")
		if err == nil {
			resp.Body.Close()
		}
		broken <- err
	}()
	require.Eventually(t, func() bool { return len(s.Requests()) == 1 }, 5*time.Second, time.Millisecond)
	s.Close()
	s.Close()
	require.Error(t, <-broken)
	require.NoDirExists(t, dir)
	require.NoDirExists(t, filepath.Dir(dir))
	require.Zero(t, s.Requests()[0].Status, "a request without an answer has no status")
}

func TestWithoutGitAddRepositorySaysSo(t *testing.T) {
	s, err := githubapptest.NewServer(nil)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	t.Setenv("PATH", t.TempDir())
	_, err = s.AddRepository("acme/widgets")
	require.ErrorContains(t, err, "git is not installed or not on PATH")
}

func TestNamesThatGitHubWouldNotHaveAreRefused(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	for _, name := range []string{"", "widgets", "acme/", "/widgets", "acme/..", "acme/.", "../etc/passwd", "acme/a b", "acme/x.git", "-a/x", "acme/a/b"} {
		_, err := f.AddRepository(name)
		require.ErrorContains(t, err, "repository", name)
	}
	_, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	_, err = f.AddRepository("Acme/Widgets")
	require.ErrorContains(t, err, "was added before")
}

func TestStateThatMakesNoSensePanicsWithTheReason(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	key := &testutil.RSAKey(t, 0).PublicKey
	type (
		a = githubapptest.App
		i = githubapptest.Installation
	)
	for want, call := range map[string]func(){
		"ID 0 is not above zero":   func() { f.AddApp(a{}) },
		"at least one public key":  func() { f.AddApp(a{ID: 1}) },
		"none may be nil":          func() { f.RotateKeys(appID, nil) },
		"GitHub allows 25":         func() { f.AddApp(a{ID: 1, Keys: slices.Repeat(keys(key), 26)}) },
		"app 99 was not added":     func() { f.RotateKeys(99, key) },
		`no permission "pull-requ`: func() { f.AddApp(a{ID: 1, Keys: keys(key), Permissions: map[string]string{"pull-requests": "read"}}) },
		"ID -1 is not above zero":  func() { f.AddInstallation(i{ID: -1}) },
		"app 98 was not added":     func() { f.AddInstallation(i{ID: 1, AppID: 98, Account: "acme"}) },
		`"a/b" is no login`:        func() { f.AddInstallation(i{ID: 1, AppID: appID, Account: "a/b"}) },
		`AccountType "Team"`:       func() { f.AddInstallation(i{ID: 1, AppID: appID, Account: "a", AccountType: "Team"}) },
		`RepositorySelection "so"`: func() { f.AddInstallation(i{ID: 1, AppID: appID, Account: "a", RepositorySelection: "so"}) },
		`"all" with a list`: func() {
			f.AddInstallation(i{ID: 1, AppID: appID, Account: "a", RepositorySelection: "all", Repositories: []string{"a/b"}})
		},
		`repository "b"`:  func() { f.AddInstallation(i{ID: 1, AppID: appID, Account: "a", Repositories: []string{"b"}}) },
		"has no Fault":    func() { f.Fail(githubapptest.Rule{}) },
		"syntax error in": func() { f.Fail(githubapptest.Rule{Path: "[", Fault: githubapptest.Hang}) },
	} {
		t.Run(want, func(t *testing.T) {
			defer func() { require.Contains(t, recover(), want) }()
			call()
		})
	}
}
