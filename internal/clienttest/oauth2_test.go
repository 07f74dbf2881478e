package clienttest

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cli/oauth/device"
	"github.com/google/go-github/v92/github"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// inBubble runs a test with alice's sign-in before it, where time is free.
func inBubble(t *testing.T, test func(t *testing.T, f *fake, ctx context.Context)) {
	testutil.RSAKey(t, 0) // real time to make
	loadDescription()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, &githubapptest.Options{InMemory: true, OnBreach: func(r githubapptest.Request) {
			t.Errorf("%s %s: %s", r.Method, r.Path, r.Breach)
		}})
		f.AddUser(githubapptest.User{Login: "alice"})
		test(t, f, context.WithValue(t.Context(), oauth2.HTTPClient, f.Client()))
	})
}

// deviceToken signs alice in while x/oauth2 polls.
func deviceToken(ctx context.Context, t *testing.T, f *fake) *oauth2.Token {
	t.Helper()
	code, err := f.oauth2().DeviceAuth(ctx)
	require.NoError(t, err)
	require.Equal(t, f.URL+"/login/device", code.VerificationURI)
	time.AfterFunc(12*time.Second, func() { _ = f.Approve(code.UserCode, "alice") })
	start := time.Now()
	token, err := f.oauth2().DeviceAccessToken(ctx, code)
	require.NoError(t, err)
	require.Equal(t, 15*time.Second, time.Since(start))
	return token
}

func TestOAuth2SignsADeviceInAndRefreshes(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, ctx context.Context) {
		token := deviceToken(ctx, t, f)
		require.WithinDuration(t, time.Now().Add(8*time.Hour), token.Expiry, time.Second)
		require.EqualValues(t, 15897600, token.Extra("refresh_token_expires_in"))
		source := f.oauth2().TokenSource(ctx, token)
		hub, err := github.NewClient(github.WithHTTPClient(oauth2.NewClient(ctx, source)), github.WithEnterpriseURLs(f.URL, f.URL))
		require.NoError(t, err)
		for range 3 {
			user, _, err := hub.Users.Get(ctx, "")
			require.NoError(t, err)
			require.Equal(t, "alice", user.GetLogin())
			time.Sleep(8 * time.Hour)
		}
		renewed, err := source.Token()
		require.NoError(t, err)
		require.NotEqual(t, token.RefreshToken, renewed.RefreshToken)

		f.RevokeGrant(appID, "alice")
		time.Sleep(8 * time.Hour)
		_, err = source.Token()
		refused, ok := errors.AsType[*oauth2.RetrieveError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, "bad_refresh_token", refused.ErrorCode)
		require.Equal(t, http.StatusOK, refused.Response.StatusCode)
	})
}

func TestOAuth2HearsWhyADeviceIsNotSignedIn(t *testing.T) {
	for want, then := range map[string]func(f *fake, userCode string){
		"access_denied": func(f *fake, userCode string) { _ = f.Deny(userCode) },
		"expired_token": func(*fake, string) {},
	} {
		t.Run(want, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake, ctx context.Context) {
				code, err := f.oauth2().DeviceAuth(ctx)
				require.NoError(t, err)
				then(f, code.UserCode)
				code.Expiry = time.Time{} // x/oauth2 would stop asking
				_, err = f.oauth2().DeviceAccessToken(ctx, code)
				refused, ok := errors.AsType[*oauth2.RetrieveError](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, want, refused.ErrorCode)
			})
		})
	}
}

func TestOAuth2SlowsDownWhenItIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, ctx context.Context) {
		code, err := f.oauth2().DeviceAuth(ctx)
		require.NoError(t, err)
		time.AfterFunc(time.Second, func() { // another question, so that the first at 5 s is too soon
			short, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			_, _ = f.oauth2().Exchange(short, "", oauth2.SetAuthURLParam("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
				oauth2.SetAuthURLParam("device_code", code.DeviceCode))
		})
		time.AfterFunc(6*time.Second, func() { _ = f.Approve(code.UserCode, "alice") })
		start := time.Now()
		token, err := f.oauth2().DeviceAccessToken(ctx, code)
		require.NoError(t, err)
		require.True(t, token.Valid())
		require.Equal(t, 15*time.Second, time.Since(start))
	})
}

func TestOAuth2SignsInByTheWebFlowWithPKCE(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, ctx context.Context) {
		config := f.oauth2()
		config.RedirectURL = "http://127.0.0.1/back"
		verifier := oauth2.GenerateVerifier()
		client := *f.Client()
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		resp, err := client.Get(config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		to, err := resp.Location()
		require.NoError(t, err)
		require.Equal(t, "state", to.Query().Get("state"))
		token, err := config.Exchange(ctx, to.Query().Get("code"), oauth2.VerifierOption(verifier))
		require.NoError(t, err)
		require.True(t, token.Valid())
	})
}

// The library by which gh signs people in, which takes answers as forms.
func TestGHsOwnLibrarySignsADeviceIn(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, ctx context.Context) {
		code, err := device.RequestCode(f.Client(), f.URL+"/login/device/code", clientID, nil)
		require.NoError(t, err)
		time.AfterFunc(time.Minute, func() { _ = f.Approve(code.UserCode, "alice") })
		token, err := device.Wait(ctx, f.Client(), f.URL+"/login/oauth/access_token", device.WaitOptions{ClientID: clientID, DeviceCode: code})
		require.NoError(t, err)
		require.Equal(t, "bearer", token.Type)
		hub, err := github.NewClient(github.WithAuthToken(token.Token), github.WithHTTPClient(f.Client()), github.WithEnterpriseURLs(f.URL, f.URL))
		require.NoError(t, err)
		user, _, err := hub.Users.Get(ctx, "")
		require.NoError(t, err)
		require.Equal(t, "alice", user.GetLogin())
		_, err = device.RequestCode(f.Client(), f.URL+"/login/device/code", "Iv1.other", nil)
		require.ErrorIs(t, err, device.ErrUnsupported)
	})
}
