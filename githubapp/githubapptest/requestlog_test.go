package githubapptest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func hashed(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func TestTheLogTellsWhatWasAskedAndAnswered(t *testing.T) {
	f := newFake(t, nil)
	bearer := f.bearer()
	resp := f.do("POST", mintPath+"?x=1", bearer, `{"permissions":{"issues":"read"}}`, "X-Github-Api-Version", "2026-03-10", "User-Agent", "robot/1")
	token := resp.json["token"].(string)
	f.do("GET", "/api/v3/installation/repositories", "token "+token, "")
	f.do("GET", "/acme/widgets.git/info/refs?service=git-receive-pack", "", "")

	log := f.Requests()
	require.Len(t, log, 3)
	require.WithinDuration(t, time.Now(), log[0].Time, 5*time.Second)
	for n := range log {
		log[n].Time = time.Time{}
	}
	require.Equal(t, githubapptest.Request{
		Method: "POST", Path: mintPath, Query: "x=1", Status: 201, AuthScheme: "Bearer", TokenSHA256: hashed(bearer[len("Bearer "):]),
		AppID: appID, InstallationID: installationID, APIVersion: "2026-03-10", UserAgent: "robot/1",
		Body: []byte(`{"permissions":{"issues":"read"}}`),
	}, log[0])
	require.Equal(t, githubapptest.Request{
		Method: "GET", Path: "/api/v3/installation/repositories", Status: 200, AuthScheme: "token", TokenSHA256: hashed(token),
		AppID: appID, InstallationID: installationID, UserAgent: "Go-http-client/1.1",
	}, log[1])
	require.Equal(t, githubapptest.Request{
		Method: "GET", Path: "/acme/widgets.git/info/refs", Query: "service=git-receive-pack", Status: 401,
		UserAgent: "Go-http-client/1.1", Git: true, GitService: "git-receive-pack",
	}, log[2])

	log[0].Body[0] = 'x'
	require.Equal(t, byte('{'), f.Requests()[0].Body[0], "the log handed out is a copy")
	f.ForgetRequests()
	require.Empty(t, f.Requests())
	require.Equal(t, 1, f.Mints())
}

func TestMintsAndSignaturesAreCounted(t *testing.T) {
	f := newFake(t, nil)
	one, two := f.bearer(), f.bearer(func(c jwt.MapClaims) { c["iss"] = clientID })
	var wait sync.WaitGroup
	for n := range 8 {
		wait.Go(func() { f.do("POST", mintPath, []string{one, two}[n%2], "") })
	}
	wait.Wait()
	f.do("POST", mintPath, one, `{"permissions":{"secrets":"read"}}`) // refused
	f.do("GET", "/app", "Bearer "+signJWT(t, 1, f.Now()), "")         // refused, but a signature all the same
	f.do("GET", "/app", "Bearer no-jwt", "")
	require.Equal(t, 8, f.Mints())
	require.Equal(t, 3, f.Signatures())
}

func TestNoSecretIsInTheLogOrPrinted(t *testing.T) {
	capture := testutil.CaptureProcess(t)
	for _, format := range []githubapptest.TokenFormat{githubapptest.FormatClassic, githubapptest.FormatStateless} {
		f := newFake(t, &githubapptest.Options{TokenFormat: format})
		url, err := f.AddRepository("acme/widgets")
		require.NoError(t, err)
		bearer := f.bearer()
		token := f.do("POST", mintPath, bearer, "").json["token"].(string)
		secrets := []string{token, bearer[len("Bearer "):]}
		capture.Secret(secrets...)

		for _, secret := range secrets { // in places where no client should put it
			f.do("POST", "/app/"+secret+"?token="+secret, "token "+token, `{"token":"`+secret+`"}`, "User-Agent", secret)
			f.do("GET", "/app", secret, "")
			f.do("GET", "/"+secret+"/x.git/info/refs?service="+secret, "Basic "+secret, "")
		}
		f.newGit(token).Run(t, "", "ls-remote", url)
		f.RevokeToken(token)
		_, _, err = f.newGit(token).Try(t, "", "ls-remote", url)
		require.Error(t, err)

		printed := fmt.Sprintf("%+v %#v", f.Requests(), f.Requests())
		for _, r := range f.Requests() {
			printed += string(r.Body)
		}
		require.Empty(t, testutil.Leak(printed, secrets...))
		require.Empty(t, testutil.Leak(fmt.Sprintf("%+v %#v", f.Server, f.Server), secrets...))
	}
}
