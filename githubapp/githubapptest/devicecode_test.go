package githubapptest_test

import (
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// inBubble runs a test with people on a server in memory, where time is free.
func inBubble(t *testing.T, test func(t *testing.T, f *fake)) {
	t.Helper()
	testutil.RSAKey(t, 0) // real time to make
	synctest.Test(t, func(t *testing.T) { test(t, newPeople(t, &githubapptest.Options{InMemory: true})) })
}

func TestADeviceIsSignedInOnceThePersonAllowsIt(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		device, user := f.deviceCode()
		require.Regexp(t, `^[0-9a-f]{40}$`, device)
		require.Regexp(t, `^[A-Z]{4}-[A-Z]{4}$`, user)
		f.requireRefused("authorization_pending", f.poll(device))
		time.Sleep(5 * time.Second)
		f.requireRefused("authorization_pending", f.poll(device))
		require.NoError(t, f.Approve(" "+strings.ToLower(strings.ReplaceAll(user, "-", "")), "ALICE"))
		time.Sleep(5 * time.Second)
		given := f.poll(device).json
		require.Regexp(t, `^ghu_[A-Za-z0-9]{36}$`, given["access_token"])
		require.Regexp(t, `^ghr_[A-Za-z0-9]{76}$`, given["refresh_token"])
		require.Equal(t, []any{28800., 15897600., "bearer", ""}, []any{
			given["expires_in"], given["refresh_token_expires_in"], given["token_type"], given["scope"],
		})
		require.Equal(t, "alice", f.whoami(given["access_token"].(string)))
		time.Sleep(5 * time.Second)
		f.requireRefused("incorrect_device_code", f.poll(device))
	})
}

func TestADeviceThatAsksTooSoonMustSlowDown(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		device, user := f.deviceCode()
		f.requireRefused("authorization_pending", f.poll(device))
		time.Sleep(3 * time.Second)
		slow := f.poll(device)
		f.requireRefused("slow_down", slow)
		require.EqualValues(t, 10, slow.json["interval"])
		time.Sleep(6 * time.Second)
		require.EqualValues(t, 15, f.poll(device).json["interval"])
		require.NoError(t, f.Approve(user, "alice"))
		time.Sleep(14 * time.Second)
		require.EqualValues(t, 20, f.poll(device).json["interval"], "a second early is too soon")
		time.Sleep(20*time.Second - time.Millisecond)
		require.Contains(t, f.poll(device).json, "access_token", "less than a second early isn't")
	})
}

func TestADeviceHearsThatThePersonRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		device, user := f.deviceCode()
		require.NoError(t, f.Deny(user))
		f.requireRefused("access_denied", f.poll(device))
		require.ErrorContains(t, f.Approve(user, "alice"), "answered already")
		time.Sleep(5 * time.Second)
		f.requireRefused("access_denied", f.poll(device))
	})
}

func TestADeviceCodeExpires(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		device, user := f.deviceCode()
		time.Sleep(15 * time.Minute)
		require.ErrorContains(t, f.Approve(user, "alice"), "expired")
		f.requireRefused("expired_token", f.poll(device))
	})
}

func TestADeviceCodeIsOneAppsAndWantsAKnownUser(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		device, user := f.deviceCode()
		require.ErrorContains(t, f.Approve(user, "nobody"), `no user "nobody"`)
		require.ErrorContains(t, f.Approve("BCDF-GHJK", "alice"), "unknown")
		f.requireRefused("incorrect_device_code", f.poll("0123456789abcdef0123456789abcdef01234567"))
		f.AddApp(githubapptest.App{ID: 99, ClientID: "Iv1.other", Keys: testKeys(t)})
		f.requireRefused("incorrect_device_code", f.post("/login/oauth/access_token", "client_id", "Iv1.other",
			"grant_type", deviceGrant, "device_code", device))
		f.requireRefused("incorrect_client_credentials", f.exchange("grant_type", deviceGrant, "device_code", device,
			"client_secret", "wrong"))
	})
}

func TestAPersonAnswersADeviceOnThePage(t *testing.T) {
	t.Parallel()
	f := newPeople(t, nil)
	device, user := f.deviceCode()
	page := f.do("GET", "/login/device?user_code="+user, "", "")
	require.Equal(t, "text/html; charset=utf-8", page.Header.Get("Content-Type"))
	require.Contains(t, string(page.body), `value="`+user+`"`)
	require.Contains(t, string(page.body), "<option>alice</option><option>bob</option>")

	submit := func(form url.Values) *response { return f.do("POST", "/login/device", "", form.Encode()) }
	wrong := submit(url.Values{"user_code": {`"><script>`}, "login": {"alice"}, "answer": {"approve"}})
	require.Equal(t, 422, wrong.StatusCode)
	require.Contains(t, string(wrong.body), "unknown")
	require.NotContains(t, string(wrong.body), "<script>")
	require.Equal(t, 200, submit(url.Values{"user_code": {user}, "login": {"bob"}, "answer": {"approve"}}).StatusCode)
	require.Equal(t, "bob", f.whoami(f.poll(device).json["access_token"].(string)))

	device, user = f.deviceCode()
	require.Equal(t, 200, submit(url.Values{"user_code": {user}, "answer": {"deny"}}).StatusCode)
	f.requireRefused("access_denied", f.poll(device))
}
