package githubapptest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

// authorize has a browser arrive with more parameters, and returns where it is
// sent.
func (f *fake) authorize(more string) *url.URL {
	f.t.Helper()
	resp := f.do("GET", "/login/oauth/authorize?client_id="+clientID+more, "", "")
	require.Equal(f.t, 302, resp.StatusCode, "%s", resp.body)
	to, err := url.Parse(resp.Header.Get("Location"))
	require.NoError(f.t, err)
	return to
}

// authorizeAs returns the code of a person's sign-in on the page.
func (f *fake) authorizeAs(login, more string) string {
	f.t.Helper()
	return f.authorize("&redirect_uri=http://127.0.0.1/back&login=" + login + more).Query().Get("code")
}

func TestAPersonSignsInOnThePageAndIsSentBack(t *testing.T) {
	t.Parallel()
	f := newPeople(t, nil)
	to := f.authorize("&redirect_uri=" + url.QueryEscape("http://127.0.0.1/back?kept=1") + "&login=alice&state=a%26b")
	require.Equal(t, "http://127.0.0.1/back", to.Scheme+"://"+to.Host+to.Path)
	require.Equal(t, []string{"1", "a&b"}, []string{to.Query().Get("kept"), to.Query().Get("state")})
	code := to.Query().Get("code")
	f.requireRefused("incorrect_client_credentials", f.exchange("code", code))
	f.requireRefused("incorrect_client_credentials", f.exchange("code", code, "client_secret", "wrong"))
	f.requireRefused("redirect_uri_mismatch", f.exchange("code", code, "client_secret", clientSecret, "redirect_uri", "http://127.0.0.1/"))
	given := f.exchange("code", code, "client_secret", clientSecret).json
	require.Equal(t, "alice", f.whoami(given["access_token"].(string)))
	f.requireRefused("bad_verification_code", f.exchange("code", code, "client_secret", clientSecret))

	require.Equal(t, "access_denied", f.authorize("&redirect_uri=http://127.0.0.1/back&cancel=1").Query().Get("error"))
	late := f.authorizeAs("alice", "")
	f.SetClockOffset(10 * time.Minute)
	f.requireRefused("bad_verification_code", f.exchange("code", late, "client_secret", clientSecret))
}

func TestThePageLetsChooseAmongTheUsers(t *testing.T) {
	t.Parallel()
	f := newPeople(t, nil)
	page := f.do("GET", "/login/oauth/authorize?client_id="+clientID+"&redirect_uri=http://127.0.0.1/back&state=s", "", "")
	require.Equal(t, 200, page.StatusCode)
	require.Contains(t, string(page.body), "Authorize as alice")
	require.Contains(t, string(page.body), "login=bob&amp;redirect_uri=http%3A%2F%2F127.0.0.1%2Fback&amp;state=s")
}

func TestACodeTakesTheVerifierOfItsChallenge(t *testing.T) {
	t.Parallel()
	f := newPeople(t, nil)
	challenge := sha256.Sum256([]byte("the verifier"))
	more := "&code_challenge_method=S256&code_challenge=" + base64.RawURLEncoding.EncodeToString(challenge[:])
	code := f.authorizeAs("alice", more)
	f.requireRefused("bad_verification_code", f.exchange("code", code, "client_secret", clientSecret, "code_verifier", "another"))
	code = f.authorizeAs("alice", more)
	require.Contains(t, f.exchange("code", code, "client_secret", clientSecret, "code_verifier", "the verifier").json, "access_token")
}

func TestAnAppIsSentBackToItsCallbackURLsAlone(t *testing.T) {
	t.Parallel()
	f := newPeople(t, nil)
	f.AddApp(githubapptest.App{
		ID: appID, ClientID: clientID, ClientSecret: clientSecret, Keys: testKeys(t),
		CallbackURLs: []string{"http://127.0.0.1/one", "http://127.0.0.1/two"},
	})
	require.Equal(t, "/one", f.authorize("&login=alice").Path)
	require.Equal(t, "/two", f.authorize("&login=alice&redirect_uri=http://127.0.0.1/two").Path)
	to := f.authorize("&login=alice&redirect_uri=http://evil.test/")
	require.Equal(t, []string{"127.0.0.1", "redirect_uri_mismatch", ""}, []string{to.Host, to.Query().Get("error"), to.Query().Get("code")})
}
