package githubapptest_test

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

const (
	clientSecret = "0123456789abcdef0123456789abcdef01234567"
	deviceGrant  = "urn:ietf:params:oauth:grant-type:device_code"
)

// newPeople returns a fake whose app has a client secret and may work on
// acme's repositories, with alice, who writes in acme/widgets and reads
// acme/gadgets, and bob, who has nothing there.
func newPeople(t *testing.T, opts *githubapptest.Options) *fake {
	t.Helper()
	f := newFake(t, opts)
	f.AddApp(githubapptest.App{
		ID: appID, ClientID: clientID, ClientSecret: clientSecret, Slug: "robot",
		Keys:        []*rsa.PublicKey{&testutil.RSAKey(t, 0).PublicKey},
		Permissions: map[string]string{"contents": "write", "pull_requests": "write"},
	})
	f.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: account})
	f.AddUser(githubapptest.User{Login: "alice", Name: "Alice", Access: map[string]string{
		"acme/widgets": "write", "acme/gadgets": "read", "other": "admin",
	}})
	f.AddUser(githubapptest.User{Login: "bob"})
	return f
}

// post sends a form to where people sign in, and takes JSON.
func (f *fake) post(path string, form ...string) *response {
	f.t.Helper()
	values := url.Values{}
	for n := 0; n < len(form); n += 2 {
		values.Set(form[n], form[n+1])
	}
	resp := f.do("POST", path, "", values.Encode(), "Accept", "application/json", "Content-Type", "application/x-www-form-urlencoded")
	require.Equal(f.t, 200, resp.StatusCode, "%s", resp.body)
	return resp
}

func (f *fake) exchange(form ...string) *response {
	f.t.Helper()
	return f.post("/login/oauth/access_token", append([]string{"client_id", clientID}, form...)...)
}

func (f *fake) poll(code string) *response {
	f.t.Helper()
	return f.exchange("grant_type", deviceGrant, "device_code", code)
}

func (f *fake) refresh(token string, form ...string) *response {
	f.t.Helper()
	return f.exchange(append([]string{"grant_type", "refresh_token", "refresh_token", token}, form...)...)
}

// deviceCode starts a sign-in by the device flow.
func (f *fake) deviceCode() (deviceCode, userCode string) {
	f.t.Helper()
	resp := f.post("/login/device/code", "client_id", clientID)
	return resp.json["device_code"].(string), resp.json["user_code"].(string)
}

// signIn signs a person in by the device flow.
func (f *fake) signIn(login string) (access, refresh string) {
	f.t.Helper()
	device, user := f.deviceCode()
	require.NoError(f.t, f.Approve(user, login))
	given := f.poll(device).json
	refresh, _ = given["refresh_token"].(string)
	return given["access_token"].(string), refresh
}

func (f *fake) requireRefused(code string, resp *response) {
	f.t.Helper()
	require.Equal(f.t, code, resp.json["error"], "%s", resp.body)
	require.NotEmpty(f.t, resp.json["error_description"])
	require.NotContains(f.t, resp.json, "access_token")
}

// whoami returns the login that GET /user answers with, or the status of
// another answer.
func (f *fake) whoami(token string) any {
	f.t.Helper()
	resp := f.do("GET", "/user", "Bearer "+token, "")
	if resp.StatusCode != 200 {
		return resp.StatusCode
	}
	return resp.json["login"]
}

func TestASignInIsAnsweredAsAFormUnlessJSONIsAskedFor(t *testing.T) {
	t.Parallel()
	f := newPeople(t, nil)
	for name, c := range map[string]struct{ query, body, contentType string }{
		"parameters in the query": {"?client_id=" + clientID, "", ""},
		"a form":                  {"", "client_id=" + clientID, "application/x-www-form-urlencoded"},
		"JSON":                    {"", `{"client_id":"` + clientID + `"}`, "application/json"},
	} {
		resp := f.do("POST", "/login/device/code"+c.query, "", c.body, "Content-Type", c.contentType)
		require.Equal(t, "application/x-www-form-urlencoded; charset=utf-8", resp.Header.Get("Content-Type"), name)
		form, err := url.ParseQuery(string(resp.body))
		require.NoError(t, err)
		require.Equal(t, []string{"900", "5"}, []string{form.Get("expires_in"), form.Get("interval")}, name)
		require.Len(t, form.Get("device_code"), 40)
	}
	resp := f.do("POST", "/login/oauth/access_token", "", `{"client_id":"`+clientID+`","grant_type":"password"}`,
		"Content-Type", "application/json", "Accept", "application/json")
	require.Equal(t, 200, resp.StatusCode)
	f.requireRefused("unsupported_grant_type", resp)
}

func TestAnUnknownClientIsNobody(t *testing.T) {
	t.Parallel()
	f := newPeople(t, nil)
	resp := f.do("POST", "/login/device/code?client_id=Iv1.other", "", "", "Accept", "application/json")
	require.Equal(t, 404, resp.StatusCode)
	require.JSONEq(t, `{"error":"Not Found"}`, string(resp.body))
	f.requireRefused("incorrect_client_credentials", f.post("/login/oauth/access_token", "client_id", "Iv1.other",
		"grant_type", deviceGrant, "device_code", "x"))
	require.Equal(t, 404, f.do("GET", "/login/oauth/authorize?client_id=Iv1.other&redirect_uri=http://127.0.0.1/", "", "").StatusCode)
	require.Equal(t, 404, f.do("GET", "/login/nowhere", "", "").StatusCode)
	require.Equal(t, 404, f.do("POST", "/api/v3/login/device/code?client_id="+clientID, "", "").StatusCode)
}

func TestASignInIsNoRequestOfTheAPI(t *testing.T) {
	t.Parallel()
	var told []githubapptest.Request
	f := newPeople(t, &githubapptest.Options{OnBreach: func(r githubapptest.Request) { told = append(told, r) }})
	f.SetRateLimit(1)
	f.SunsetAPIVersion("2022-11-28", time.Now().Add(-time.Hour))
	for range 3 {
		resp := f.post("/login/device/code", "client_id", clientID)
		require.Empty(t, resp.Header.Get("X-RateLimit-Limit"))
		require.Empty(t, resp.Header.Get("X-GitHub-Media-Type"))
	}
	require.Empty(t, told)
	f.do("POST", "/login/device/code", "Basic eDp5", "client_id="+clientID)
	f.do("PUT", "/login/device/code", "", "")
	require.Len(t, told, 2)
	require.Contains(t, told[0].Breach, "as parameters")
	require.Contains(t, told[1].Breach, "no such method and path")
}

func TestNoSecretOfASignInIsInTheLog(t *testing.T) {
	capture := testutil.CaptureProcess(t)
	f := newPeople(t, nil)
	device, user := f.deviceCode()
	f.poll(device)
	require.NoError(t, f.Approve(user, "alice"))
	f.SetClockOffset(6 * time.Second)
	given := f.poll(device).json
	access, refresh := given["access_token"].(string), given["refresh_token"].(string)
	renewed := f.refresh(refresh, "client_secret", clientSecret).json
	code := f.authorizeAs("alice", "")
	f.exchange("code", code, "client_secret", clientSecret)
	inJSON, err := json.Marshal(map[string]string{"client_id": clientID, "client_secret": clientSecret, "code": code})
	require.NoError(t, err)
	f.do("POST", "/login/oauth/access_token?code="+code+"&refresh_token="+refresh, "", string(inJSON), "Content-Type", "application/json")

	secrets := []string{device, access, refresh, clientSecret, code, renewed["access_token"].(string), renewed["refresh_token"].(string)}
	capture.Secret(secrets...)
	printed := fmt.Sprintf("%+v %#v %+v", f.Requests(), f.Server, f.Server)
	for _, r := range f.Requests() {
		printed += string(r.Body)
		require.EqualValues(t, appID, r.AppID)
	}
	require.Empty(t, testutil.Leak(printed, secrets...))
	require.Contains(t, printed, "grant_type=refresh_token")
}
