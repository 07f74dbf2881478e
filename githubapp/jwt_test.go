package githubapp_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func claims(t testing.TB, jwt string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(jwt, ".")
	require.Len(t, parts, 3)
	for n, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[n])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, into))
	}
	return header, claims
}

func TestTheJWTHasGitHubsClaimsAndOneSignatureUntilItAgesOut(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	synctest.Test(t, func(t *testing.T) {
		app, err := githubapp.New(githubapp.Options{AppID: 7, PrivateKey: key})
		require.NoError(t, err)
		start := time.Now()
		first, expiresAt, err := app.JWT(t.Context())
		require.NoError(t, err)
		header, body := claims(t, first)
		require.Equal(t, map[string]any{"alg": "RS256", "typ": "JWT"}, header)
		require.Equal(t, map[string]any{
			"iss": "7", "iat": float64(start.Unix() - 60), "exp": float64(start.Unix() + 540),
		}, body)
		require.Equal(t, start.Add(9*time.Minute).Unix(), expiresAt.Unix())

		time.Sleep(7*time.Minute + 30*time.Second)
		same, _, err := app.JWT(t.Context())
		require.NoError(t, err)
		require.Equal(t, first, same)

		time.Sleep(time.Minute + 15*time.Second)
		next, expiresAt, err := app.JWT(t.Context())
		require.NoError(t, err)
		require.NotEqual(t, first, next)
		require.Equal(t, time.Now().Add(9*time.Minute).Unix(), expiresAt.Unix())
	})
}

func TestTheClientIDIsTheIssuerWhenBothAreSet(t *testing.T) {
	app, err := githubapp.New(githubapp.Options{AppID: 7, ClientID: "Iv1.0123456789abcdef", PrivateKey: testutil.RSAKeyPEM(t, 0)})
	require.NoError(t, err)
	jwt, _, err := app.JWT(t.Context())
	require.NoError(t, err)
	_, body := claims(t, jwt)
	require.Equal(t, "Iv1.0123456789abcdef", body["iss"])
}

func TestARefusedJWTIsDroppedAndPoisonsNoOtherInstallation(t *testing.T) {
	testutil.RSAKey(t, 0) // real time to make
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		app := g.app(t)
		stop := g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: githubapptest.RequiresAuthentication})
		refused, _, err := app.JWT(t.Context())
		require.NoError(t, err)
		g.tokenError(t, app.Installation(installationID))
		stop()
		time.Sleep(time.Second) // a JWT differs by the second
		fresh, _, err := app.JWT(t.Context())
		require.NoError(t, err)
		require.NotEqual(t, refused, fresh)
	})
}
