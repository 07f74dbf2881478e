package clienttest

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/oauth2"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	appID    = 12
	clientID = "Iv23liEXAMPLE"

	clientSecret = "0123456789abcdef0123456789abcdef01234567"

	// The installations: of all repositories of an organisation, of selected
	// ones of a user, and of an enterprise.
	acme  = 345
	alice = 346
	big   = 347

	mintAcme = "/app/installations/345/access_tokens"
)

// fake is a server with an app, whose key is testutil's first, and its
// installations. Its client is a witness.
type fake struct {
	*githubapptest.Server
	t       testing.TB
	witness *witness
}

func newFake(t testing.TB, opts *githubapptest.Options) *fake {
	t.Helper()
	s, err := githubapptest.NewServer(opts)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	s.AddApp(githubapptest.App{
		ID: appID, ClientID: clientID, Slug: "robot", ClientSecret: clientSecret,
		Keys:        []*rsa.PublicKey{&testutil.RSAKey(t, 0).PublicKey},
		Permissions: map[string]string{"contents": "write", "pull_requests": "write", "issues": "read", "organization_projects": "admin"},
	})
	s.AddInstallation(githubapptest.Installation{ID: 1, AppID: appID, Account: "acme", Repositories: []string{"acme/one", "acme/two", "acme/old"}})
	s.Uninstall(1) // it only made the names
	s.AddInstallation(githubapptest.Installation{ID: acme, AppID: appID, Account: "acme"})
	s.AddInstallation(githubapptest.Installation{
		ID: alice, AppID: appID, Account: "alice", AccountType: "User", Repositories: []string{"alice/notes"},
		Permissions: map[string]string{"contents": "read"},
	})
	s.AddInstallation(githubapptest.Installation{ID: big, AppID: appID, Account: "big", AccountType: "Enterprise"})
	return &fake{s, t, newWitness(t, s.Client().Transport)}
}

// client is an HTTP client of the witness's, which follows redirects as Go
// does.
func (f *fake) client() *http.Client {
	return &http.Client{Transport: f.witness, Timeout: 10 * time.Second}
}

// do makes one request and no more, and returns the status, the headers and the
// body.
func (f *fake) do(method, path, authorization, body string, header ...string) (*http.Response, string) {
	f.t.Helper()
	req := testutil.NewRequest(f.t.Context(), f.t, method, f.URL+path, authorization, body, header...)
	client := f.client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	require.NoError(f.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(f.t, err)
	return resp, string(answer)
}

// app is the Authorization header of the app. Claims are changed by name; a nil
// value drops the claim.
func (f *fake) app(changes ...any) string {
	f.t.Helper()
	claims := jwt.MapClaims{"iss": clientID, "iat": f.Now().Unix() - 60, "exp": f.Now().Unix() + 540}
	for n := 0; n < len(changes); n += 2 {
		if claims[changes[n].(string)] = changes[n+1]; changes[n+1] == nil {
			delete(claims, changes[n].(string))
		}
	}
	return "Bearer " + testutil.SignJWT(f.t, 0, claims)
}

// mint is a new token.
func (f *fake) mint(path, body string, header ...string) string {
	f.t.Helper()
	resp, answer := f.do("POST", path, f.app(), body, header...)
	require.Equal(f.t, http.StatusCreated, resp.StatusCode, answer)
	var minted struct{ Token string }
	require.NoError(f.t, json.Unmarshal([]byte(answer), &minted))
	return minted.Token
}

// signIn signs a person in by the device flow and returns their token. The
// pages and endpoints for that are none of the API's, so no witness is there.
func (f *fake) signIn(login string) string {
	f.t.Helper()
	config := f.oauth2()
	ctx := context.WithValue(f.t.Context(), oauth2.HTTPClient, f.Client())
	device, err := config.DeviceAuth(ctx)
	require.NoError(f.t, err)
	require.NoError(f.t, f.Approve(device.UserCode, login))
	device.Interval = 1 // the first question may come at once
	token, err := config.DeviceAccessToken(ctx, device)
	require.NoError(f.t, err)
	return token.AccessToken
}

// oauth2 is how people sign in to the app.
func (f *fake) oauth2() *oauth2.Config {
	return &oauth2.Config{
		ClientID: clientID, ClientSecret: clientSecret,
		Endpoint: oauth2.Endpoint{
			AuthURL: f.URL + "/login/oauth/authorize", DeviceAuthURL: f.URL + "/login/device/code",
			TokenURL: f.URL + "/login/oauth/access_token", AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}
