package tokenhttp_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// brokenRenewer accepts everything as ws-1 and renews it badly.
type brokenRenewer struct {
	bearer    string
	expiresAt time.Time
	err       error
}

func (b brokenRenewer) Renew(*http.Request) (string, time.Time, error) {
	if errors.Is(b.err, errPanic) {
		panic(b.bearer)
	}
	return b.bearer, b.expiresAt, b.err
}

var errPanic = errors.New("panic")

func TestABearerThatCannotBeRenewedIsRefused(t *testing.T) {
	later := time.Now().Add(time.Hour)
	for name, row := range map[string]struct {
		renewer brokenRenewer
		status  int
	}{
		"expired in between":    {brokenRenewer{err: tokenhttp.ErrUnauthenticated}, 401},
		"forbidden":             {brokenRenewer{err: tokenhttp.ErrForbidden}, 403},
		"not configured":        {brokenRenewer{err: tokenprovider.ErrNotConfigured}, 404},
		"the database is down":  {brokenRenewer{err: errors.New("database is down")}, 503},
		"a panic":               {brokenRenewer{bearer: tokenSecret, err: errPanic}, 503},
		"an empty bearer":       {brokenRenewer{expiresAt: later}, 503},
		"a malformed bearer":    {brokenRenewer{bearer: tokenSecret + "\n", expiresAt: later}, 503},
		"a bearer without life": {brokenRenewer{bearer: tokenSecret}, 503},
		"an expired bearer":     {brokenRenewer{bearer: tokenSecret, expiresAt: time.Now().Add(-time.Second)}, 503},
		"a good one":            {brokenRenewer{bearer: tokenSecret, expiresAt: later}, 200},
	} {
		capture := testutil.NewCapture(t, tokenSecret)
		h, err := tokenhttp.NewHandler(fixed(nil), row.renewer,
			&tokenhttp.Options{Logger: capture.Logger()})
		require.NoError(t, err)
		got := ask(t, serve(t, h), "POST", "/workspaces/ws-1/bearer", "")
		require.Equal(t, row.status, got.status, name)
		require.Equal(t, row.status != 200, testutil.Leak(got.body, tokenSecret) == "", name)
	}
}

// administrator is a workspace with the rights of an administrator too.
type administrator struct{ brokenRenewer }

func TestAnAdministratorGetsNoBearerOfAWorkspaceNotEvenOfItsOwn(t *testing.T) {
	auth := administrator{brokenRenewer{bearer: tokenSecret, expiresAt: time.Now().Add(time.Hour)}}
	h, err := tokenhttp.NewHandler(fixed(nil), auth, nil)
	require.NoError(t, err)
	require.Equal(t, 403, ask(t, serve(t, h), "POST", "/workspaces/ws-1/bearer", "").status)
}

func TestAnyOfRenewsThroughTheOneThatAccepts(t *testing.T) {
	first, second := newKey(t, firstKey), newKey(t, secondKey)
	denies := authFunc(func(*http.Request) (tokenhttp.Principal, error) {
		return tokenhttp.Principal{}, tokenhttp.ErrUnauthenticated
	})
	renewer, ok := anyOf(t, denies, adminToken(t, adminSecret),
		anyOf(t, first, second)).(tokenhttp.Renewer)
	require.True(t, ok)

	bearer, expiresAt, err := renewer.Renew(bearing(issue(t, second, "ws-1")))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Hour), expiresAt, 5*time.Second)
	_, err = second.Authenticate(bearing(bearer))
	require.NoError(t, err)

	_, _, err = renewer.Renew(bearing("wrong"))
	require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated)
	_, _, err = renewer.Renew(bearing(adminSecret))
	require.ErrorIs(t, err, tokenprovider.ErrNotConfigured, "the one that accepts can't renew")
}

func TestARenewedBearerLivesAsLongAsTheOldOneDid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t)
		bearer, err := key.Issue("ws-1", 30*time.Minute)
		require.NoError(t, err)
		for range 5 {
			time.Sleep(20*time.Minute + 123*time.Millisecond)
			renewed, expiresAt, err := key.Renew(bearing(bearer))
			require.NoError(t, err)
			require.Equal(t, time.Now().Truncate(time.Second).Add(30*time.Minute), expiresAt,
				"the life doesn't grow")
			p, err := key.Authenticate(bearing(renewed))
			require.NoError(t, err)
			require.Equal(t, "ws-1", p.WorkspaceID)
			bearer = renewed
		}
		time.Sleep(30 * time.Minute)
		_, _, err = key.Renew(bearing(bearer))
		require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated, "a dead bearer can't be renewed")
	})
}

func TestABearerWithoutALifeOfItsOwnIsNotRenewed(t *testing.T) {
	key := newKey(t)
	header, _ := decode(t, issue(t, key, "ws-1"))
	for name, claims := range map[string]jwt.MapClaims{
		"no iat":        {},
		"iat after exp": {"iat": time.Now().Add(2 * time.Hour).Unix()},
	} {
		claims["aud"], claims["sub"], claims["exp"] = "provisionkit/workspace", "ws-1", time.Now().Add(time.Hour).Unix()
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
		token.Header["kid"] = header["kid"]
		bearer, err := token.SignedString(firstKey)
		require.NoError(t, err)
		_, err = key.Authenticate(bearing(bearer))
		require.NoError(t, err, name)
		_, _, err = key.Renew(bearing(bearer))
		require.ErrorIs(t, err, tokenhttp.ErrForbidden, name)
	}
}
