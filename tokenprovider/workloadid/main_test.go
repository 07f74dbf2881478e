package workloadid_test

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/issuertest"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/molecule-ai/provisionkit/tokenprovider/workloadid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const address = "https://issuer.example/tenant"

// the claims of a token for workspace ws-1 of acme.
func claims(more map[string]any) map[string]any {
	all := map[string]any{"aud": audience, "sub": "ws-1", "owner": "acme"}
	for name, value := range more {
		all[name] = value
	}
	return all
}

func subject(claims map[string]any) (string, error) { return workloadid.Text(claims, "sub") }

// options take tokens of issuer for acme, and reach it without a network.
func options(issuer *issuertest.Issuer) workloadid.OIDCOptions {
	return workloadid.OIDCOptions{
		Issuer: issuer.URL(), Audience: audience, HTTPClient: issuer.Client(),
		Workspace: subject, Rule: workloadid.Claim("owner", "acme"),
	}
}

func newOIDC(t testing.TB, opts workloadid.OIDCOptions) tokenhttp.Authenticator {
	t.Helper()
	auth, err := workloadid.OIDC(t.Context(), opts)
	require.NoError(t, err)
	return auth
}

// authenticate returns what auth says of a request with token as its bearer.
func authenticate(t testing.TB, auth tokenhttp.Authenticator, token string) (tokenhttp.Principal, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return auth.Authenticate(r)
}

func requireAdmitted(t testing.TB, auth tokenhttp.Authenticator, token, workspace string) {
	t.Helper()
	p, err := authenticate(t, auth, token)
	require.NoError(t, err)
	require.Equal(t, workspace, p.WorkspaceID)
	require.False(t, p.Admin)
	require.False(t, p.NoExpiry)
}

// requireUndecided fails unless the error is one that is answered with 503.
func requireUndecided(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	require.False(t, errors.Is(err, tokenhttp.ErrUnauthenticated), "%v", err)
	require.False(t, errors.Is(err, tokenhttp.ErrForbidden), "%v", err)
}
