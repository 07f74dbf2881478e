package githubapptest_test

import (
	"crypto/rsa"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func testKeys(t *testing.T) []*rsa.PublicKey {
	return []*rsa.PublicKey{&testutil.RSAKey(t, 0).PublicKey}
}

func TestAUserTokenDiesAtItsExpiryAndIsRefreshed(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		access, refresh := f.signIn("alice")
		time.Sleep(8*time.Hour - time.Nanosecond)
		require.Equal(t, "alice", f.whoami(access))
		time.Sleep(time.Nanosecond)
		require.Equal(t, 401, f.whoami(access))
		given := f.refresh(refresh).json
		require.NotEqual(t, refresh, given["refresh_token"])
		require.EqualValues(t, 28800, given["expires_in"])
		require.Equal(t, "alice", f.whoami(given["access_token"].(string)))
		f.requireRefused("bad_refresh_token", f.refresh(refresh, "client_secret", clientSecret))

		f.SetUserTokenLife(90 * time.Second)
		given = f.refresh(given["refresh_token"].(string)).json
		require.EqualValues(t, 90, given["expires_in"])
		time.Sleep(15897600 * time.Second)
		f.requireRefused("bad_refresh_token", f.refresh(given["refresh_token"].(string), "client_secret", clientSecret))
	})
}

func TestARefreshKillsBothOldTokens(t *testing.T) {
	t.Parallel()
	f := newPeople(t, nil)
	access, refresh := f.signIn("alice")
	other, otherRefresh := f.signIn("alice")

	var wait sync.WaitGroup
	answers := make([]*response, 8)
	for n := range answers {
		wait.Go(func() { answers[n] = f.refresh(refresh, "client_secret", clientSecret) })
	}
	wait.Wait()
	won := ""
	for _, answer := range answers {
		if value, ok := answer.json["access_token"].(string); ok {
			require.Empty(t, won, "a refresh token was good twice")
			won = value
			continue
		}
		f.requireRefused("bad_refresh_token", answer)
	}
	require.Equal(t, []any{401, "alice", "alice"}, []any{f.whoami(access), f.whoami(won), f.whoami(other)})
	require.Contains(t, f.refresh(otherRefresh).json, "access_token")
}

func TestARefreshTakesTheClientSecretButOfADevice(t *testing.T) {
	t.Parallel()
	f := newPeople(t, nil)
	_, ofDevice := f.signIn("alice")
	f.requireRefused("incorrect_client_credentials", f.refresh(ofDevice, "client_secret", "wrong"))
	require.Contains(t, f.refresh(ofDevice).json, "access_token")
	f.requireRefused("bad_refresh_token", f.refresh(ofDevice))

	byPage := f.exchange("code", f.authorizeAs("alice", ""), "client_secret", clientSecret).json["refresh_token"].(string)
	f.requireRefused("incorrect_client_credentials", f.refresh(byPage))
	f.requireRefused("bad_refresh_token", f.refresh("ghr_unknown"))
	f.requireRefused("incorrect_client_credentials", f.refresh("ghr_unknown", "client_secret", "wrong"))
	f.requireRefused("bad_refresh_token", f.refresh("ghr_unknown", "client_secret", clientSecret))
	f.AddApp(githubapptest.App{ID: 99, ClientID: "Iv1.other", ClientSecret: clientSecret, Keys: testKeys(t)})
	f.requireRefused("bad_refresh_token", f.post("/login/oauth/access_token", "client_id", "Iv1.other", "client_secret",
		clientSecret, "grant_type", "refresh_token", "refresh_token", byPage))
	require.Contains(t, f.refresh(byPage, "client_secret", clientSecret).json, "access_token")
}

func TestAnAppCanHaveUserTokensThatNeverExpire(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.SetUserTokenExpiry(appID, false)
		f.SetUserTokenExpiry(404, false)
		device, user := f.deviceCode()
		require.NoError(t, f.Approve(user, "alice"))
		given := f.poll(device).json
		require.Equal(t, []string{"access_token", "scope", "token_type"}, slices.Sorted(maps.Keys(given)))
		time.Sleep(365 * 24 * time.Hour)
		require.Equal(t, "alice", f.whoami(given["access_token"].(string)))
		f.SetUserTokenExpiry(appID, true)
		_, refresh := f.signIn("alice")
		require.NotEmpty(t, refresh)
		f.RevokeToken(given["access_token"].(string))
		require.Equal(t, 401, f.whoami(given["access_token"].(string)))
	})
}

func TestAPersonTakesBackWhatTheyAllowed(t *testing.T) {
	t.Parallel()
	f := newPeople(t, nil)
	access, refresh := f.signIn("alice")
	other, otherRefresh := f.signIn("bob")
	f.RevokeGrant(appID, "nobody")
	require.Equal(t, "alice", f.whoami(access))
	f.RevokeGrant(appID, "Alice")
	require.Equal(t, []any{401, "bob"}, []any{f.whoami(access), f.whoami(other)})
	f.requireRefused("bad_refresh_token", f.refresh(refresh, "client_secret", clientSecret))
	f.RevokeToken(otherRefresh)
	f.requireRefused("bad_refresh_token", f.refresh(otherRefresh, "client_secret", clientSecret))
	require.Equal(t, "bob", f.whoami(other))
	f.RefuseToken(other)
	require.Equal(t, 401, f.whoami(other))
}

func TestARefreshWhoseAnswerIsLostHasHappened(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault githubapptest.Fault
		spent bool
	}{
		"the connection is cut before": {githubapptest.Disconnect, false},
		"a 502 before":                 {githubapptest.HTML(502), false},
		"the connection is cut after":  {githubapptest.Lost(githubapptest.Disconnect), true},
		"a 502 after":                  {githubapptest.Lost(githubapptest.HTML(502)), true},
		"half of the answer":           {githubapptest.Truncate, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newPeople(t, nil)
			access, refresh := f.signIn("alice")
			f.Fail(githubapptest.Rule{Path: "/login/oauth/access_token", Times: 1, Fault: c.fault})
			resp, err := f.try(t.Context(), "POST", "/login/oauth/access_token", "", "client_id="+clientID+
				"&grant_type=refresh_token&refresh_token="+refresh, "Accept", "application/json")
			require.True(t, err != nil || resp.StatusCode == http.StatusBadGateway)
			if c.spent {
				require.Equal(t, 401, f.whoami(access))
				f.requireRefused("bad_refresh_token", f.refresh(refresh, "client_secret", clientSecret))
				return
			}
			require.Equal(t, "alice", f.whoami(access))
			require.Contains(t, f.refresh(refresh).json, "access_token")
		})
	}
}
