package githubapptest_test

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testutil.MoreInParallel() // they wait for git and gh
	goleak.VerifyTestMain(m)
}

const (
	appID          = 12
	clientID       = "Iv23liEXAMPLE"
	installationID = 345
	account        = "acme"
)

// fake is a server with an app, whose key is testutil's first, installed on all
// of acme's repositories.
type fake struct {
	*githubapptest.Server
	t      *testing.T
	client *http.Client
}

func newFake(t *testing.T, opts *githubapptest.Options) *fake {
	t.Helper()
	s, err := githubapptest.NewServer(opts)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	s.AddApp(githubapptest.App{
		ID: appID, ClientID: clientID, Slug: "robot", Keys: []*rsa.PublicKey{&testutil.RSAKey(t, 0).PublicKey},
		Permissions: map[string]string{"contents": "write", "issues": "read"},
	})
	s.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: account})
	client := *s.Client()
	client.Timeout = 10 * time.Second
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &fake{s, t, &client}
}

// anInstallationOf returns the app's installation on acme, narrowed to these
// repositories.
func anInstallationOf(repositories ...string) githubapptest.Installation {
	return githubapptest.Installation{ID: installationID, AppID: appID, Account: account, Repositories: repositories}
}

// response is an answer with its body read.
type response struct {
	*http.Response
	body []byte
	json map[string]any // nil when the body isn't an object
}

func (r *response) message() string {
	message, _ := r.json["message"].(string)
	return message
}

// try makes a request whose answer may break off. authorization is the whole
// header; "" sends none.
func (f *fake) try(ctx context.Context, method, path, authorization, body string, header ...string) (*response, error) {
	f.t.Helper()
	req := testutil.NewRequest(ctx, f.t, method, f.URL+path, authorization, body, header...)
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer := &response{Response: resp}
	if answer.body, err = io.ReadAll(resp.Body); err != nil {
		return answer, err
	}
	_ = json.Unmarshal(answer.body, &answer.json)
	return answer, nil
}

func (f *fake) do(method, path, authorization, body string, header ...string) *response {
	f.t.Helper()
	resp, err := f.try(f.t.Context(), method, path, authorization, body, header...)
	require.NoError(f.t, err)
	return resp
}

// bearer returns the Authorization header of the app, with the claims changed
// as wanted.
func (f *fake) bearer(change ...func(jwt.MapClaims)) string {
	f.t.Helper()
	return "Bearer " + signJWT(f.t, 0, f.Now(), change...)
}

func signJWT(t *testing.T, key int, now time.Time, change ...func(jwt.MapClaims)) string {
	t.Helper()
	claims := jwt.MapClaims{"iss": "12", "iat": now.Unix() - 60, "exp": now.Unix() + 540}
	for _, c := range change {
		c(claims)
	}
	return testutil.SignJWT(t, key, claims)
}

const mintPath = "/app/installations/345/access_tokens"

// mint returns a new token and when it expires.
func (f *fake) mint(body string) (token string, expiresAt time.Time) {
	f.t.Helper()
	resp := f.do("POST", mintPath, f.bearer(), body)
	require.Equal(f.t, http.StatusCreated, resp.StatusCode, "%s", resp.message())
	expiresAt, err := time.Parse(time.RFC3339, resp.json["expires_at"].(string))
	require.NoError(f.t, err)
	return resp.json["token"].(string), expiresAt
}

// newGit returns a real git that trusts the server and sends token with every
// request.
func (f *fake) newGit(token string) *testutil.Git {
	f.t.Helper()
	git := testutil.NewGit(f.t)
	if pem := f.CertPEM(); pem != nil {
		git.Env["GIT_SSL_CAINFO"] = filepath.Join(git.Home, "ca.pem")
		require.NoError(f.t, os.WriteFile(git.Env["GIT_SSL_CAINFO"], pem, 0o600))
	}
	authenticate(git, "x-access-token", token)
	return git
}

// authenticate gives git a credential helper that answers with the pair.
func authenticate(git *testutil.Git, username, password string) {
	git.Env["GIT_CONFIG_COUNT"] = "1"
	git.Env["GIT_CONFIG_KEY_0"] = "credential.helper"
	git.Env["GIT_CONFIG_VALUE_0"] = `!f() { test "$1" = get && echo "username=$FAKE_USERNAME" && echo "password=$FAKE_PASSWORD"; }; f`
	git.Env["FAKE_USERNAME"], git.Env["FAKE_PASSWORD"] = username, password
}
