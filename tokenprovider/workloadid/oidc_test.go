package workloadid_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/internal/issuertest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/molecule-ai/provisionkit/tokenprovider/workloadid"
	"github.com/stretchr/testify/require"
)

func TestATokenOfTheIssuerIsItsWorkspaces(t *testing.T) {
	for _, algorithm := range []string{"RS256", "ES256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			issuer := issuertest.NewIssuer(address, algorithm)
			auth := newOIDC(t, options(issuer))
			issuedAt := time.Now().Add(-time.Minute).Truncate(time.Second)
			p, err := authenticate(t, auth, issuer.Sign(claims(map[string]any{"iat": issuedAt.Unix()})))
			require.NoError(t, err)
			require.Equal(t, tokenhttp.Principal{WorkspaceID: "ws-1", IssuedAt: issuedAt.UTC()}, p)
			requireAdmitted(t, auth, issuer.Sign(claims(map[string]any{"aud": []string{"x", audience}})), "ws-1")
			requireAdmitted(t, auth, issuer.Sign(claims(map[string]any{"exp": time.Now().Add(-50 * time.Second).Unix()})), "ws-1")
		})
	}
}

func TestEachWrongTokenIsRefusedWithItsReason(t *testing.T) {
	issuer := issuertest.NewIssuer(address, "RS256")
	public, err := x509.MarshalPKIXPublicKey(issuer.PublicKey())
	require.NoError(t, err)
	pemKey := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	// as returns a token that is right but for who signed it.
	as := func(method jwt.SigningMethod, key any) string {
		token := jwt.NewWithClaims(method, jwt.MapClaims(claims(map[string]any{
			"iss": address, "exp": time.Now().Add(time.Hour).Unix(),
		})))
		token.Header["kid"] = issuer.KeyID()
		signed, err := token.SignedString(key)
		require.NoError(t, err)
		return signed
	}
	good := issuer.Sign(claims(nil))
	parts := strings.Split(good, ".")
	forged := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"` + address + `","aud":"` + audience +
		`","exp":9999999999,"sub":"ws-2","owner":"acme"}`))
	with := func(name string, value any) string { return issuer.Sign(claims(map[string]any{name: value})) }
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	for name, c := range map[string]struct{ token, reason string }{
		"no JWT":            {"an-opaque-bearer-of-somebody", "it is no JWT"},
		"alg none":          {as(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), `its alg is \"none\"`},
		"HS256, public key": {as(jwt.SigningMethodHS256, pemKey), `its alg is \"HS256\"`},
		"RS512":             {as(jwt.SigningMethodRS512, testutil.RSAKey(t, 0)), `its alg is \"RS512\"`},
		"another key":       {issuer.SignAs(issuer.KeyID(), claims(nil)), "the issuer has no key for it"},
		"another RSA key":   {as(jwt.SigningMethodRS256, testutil.RSAKey(t, 0)), "none of the issuer's keys with its id made its signature"},
		"unknown kid":       {issuer.SignAs("nobodys", claims(nil)), `no key for it with the id \"nobodys\"`},
		"changed claims":    {parts[0] + "." + forged + "." + parts[2], "made its signature"},
		"no signature":      {parts[0] + "." + parts[1] + ".", "made its signature"},
		"no aud":            {with("aud", nil), "aud claim is required"},
		"another aud":       {with("aud", []string{"https://other.example"}), `its aud is \"[https://other.example]\", without`},
		"aud in part":       {with("aud", audience+"/"), "its aud is"},
		"no exp":            {with("exp", nil), "exp claim is required"},
		"expired":           {with("exp", in(-61*time.Second)), "it expired at"},
		"not yet":           {with("nbf", in(2*time.Minute)), "token is not valid yet"},
		"issued later":      {with("iat", in(2*time.Minute)), "token used before issued"},
		"no iss":            {with("iss", nil), "iss claim is required"},
		"another iss":       {with("iss", "https://evil.example"), `its iss is \"https://evil.example\", and not`},
		"iss with a slash":  {with("iss", address+"/"), "its iss is"},
		"iss in capitals":   {with("iss", strings.ToUpper(address)), "its iss is"},
	} {
		t.Run(name, func(t *testing.T) {
			log := testutil.NewCapture(t, c.token)
			opts := options(issuer)
			opts.Logger = log.Logger()
			auth := newOIDC(t, opts)
			p, err := authenticate(t, auth, c.token)
			require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated)
			require.Zero(t, p)
			require.Contains(t, log.String(), `"msg":"token refused"`)
			require.Contains(t, log.String(), c.reason)
			require.Empty(t, testutil.Leak(err.Error(), c.token))
			requireAdmitted(t, auth, good, "ws-1")
		})
	}
}

func TestWhoIsNoWorkspaceByTheRulesIsForbidden(t *testing.T) {
	issuer := issuertest.NewIssuer(address, "ES256")
	for name, c := range map[string]struct {
		claims map[string]any
		change func(*workloadid.OIDCOptions)
		reason string
	}{
		"another customer": {map[string]any{"owner": "evil"}, nil, `the rule refuses it: its claim owner isn't one of [\"acme\"]`},
		"no such claim":    {map[string]any{"owner": nil}, nil, "the rule refuses it"},
		"another case":     {map[string]any{"owner": "ACME"}, nil, "the rule refuses it"},
		"a rule without a value": {nil, func(o *workloadid.OIDCOptions) { o.Rule = workloadid.Claim("owner") },
			"the rule refuses it"},
		"no workspace": {map[string]any{"sub": nil}, nil, "it names no workspace: it has no claim sub"},
		"an empty workspace": {nil, func(o *workloadid.OIDCOptions) {
			o.Workspace = func(map[string]any) (string, error) { return "", nil }
		}, "it names no workspace: the id is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			token := issuer.Sign(claims(c.claims))
			log := testutil.NewCapture(t, token)
			opts := options(issuer)
			opts.Logger = log.Logger()
			if c.change != nil {
				c.change(&opts)
			}
			p, err := authenticate(t, newOIDC(t, opts), token)
			require.ErrorIs(t, err, tokenhttp.ErrForbidden)
			require.Zero(t, p)
			require.Contains(t, log.String(), c.reason)
		})
	}
}

func TestARuleThatPanicsDecidesNothing(t *testing.T) {
	issuer := issuertest.NewIssuer(address, "ES256")
	for _, change := range []func(*workloadid.OIDCOptions){
		func(o *workloadid.OIDCOptions) { o.Rule = func(map[string]any) error { panic("defect") } },
		func(o *workloadid.OIDCOptions) {
			o.Workspace = func(c map[string]any) (string, error) { return c["missing"].(string), nil }
		},
	} {
		opts := options(issuer)
		change(&opts)
		_, err := authenticate(t, newOIDC(t, opts), issuer.Sign(claims(nil)))
		requireUndecided(t, err)
		require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err))
	}
}

func TestARequestWithoutABearerIsNobodys(t *testing.T) {
	_, err := authenticate(t, newOIDC(t, options(issuertest.NewIssuer(address, "ES256"))), "")
	require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated)
}

func TestARuleTakesAListThatHoldsAValue(t *testing.T) {
	rule := workloadid.Claim("groups", "agents", "bots")
	require.NoError(t, rule(map[string]any{"groups": []any{"people", "bots"}}))
	require.NoError(t, rule(map[string]any{"groups": "agents"}))
	for _, wrong := range []any{nil, "people", "", []any{}, []any{"people", 1}, true, map[string]any{"agents": "agents"}} {
		require.Error(t, rule(map[string]any{"groups": wrong}))
	}
	require.Error(t, workloadid.Claim("groups", "")(nil), "no claim is no empty one")
}

func TestTextIsFoundAtAPath(t *testing.T) {
	claims := map[string]any{"a.b": map[string]any{"c": map[string]any{"d": "x", "n": 1.0}}, "e": ""}
	text, err := workloadid.Text(claims, "a.b", "c", "d")
	require.NoError(t, err)
	require.Equal(t, "x", text)
	for _, path := range [][]string{{}, {"a.b"}, {"a.b", "c", "n"}, {"a.b", "x", "d"}, {"a.b", "c", "d", "e"}, {"e"}} {
		_, err := workloadid.Text(claims, path...)
		require.Error(t, err)
	}
}

func TestMissingAndMalformedOptionsAreNamed(t *testing.T) {
	issuer := issuertest.NewIssuer(address, "ES256")
	for says, change := range map[string]func(*workloadid.OIDCOptions){
		"OIDCOptions.Issuer is required":        func(o *workloadid.OIDCOptions) { o.Issuer = "" },
		"OIDCOptions.Audience is required":      func(o *workloadid.OIDCOptions) { o.Audience = "" },
		"OIDCOptions.Workspace is required":     func(o *workloadid.OIDCOptions) { o.Workspace = nil },
		"OIDCOptions.Rule is required":          func(o *workloadid.OIDCOptions) { o.Rule = nil },
		"has a KeysURL and a KeysFile":          func(o *workloadid.OIDCOptions) { o.KeysURL, o.KeysFile = "https://x.example", "/x" },
		"OIDCOptions.Issuer is http to another": func(o *workloadid.OIDCOptions) { o.Issuer = "http://issuer.example" },
		"OIDCOptions.Issuer is not an absolute": func(o *workloadid.OIDCOptions) { o.Issuer = "issuer.example" },
		"OIDCOptions.Issuer has a query":        func(o *workloadid.OIDCOptions) { o.Issuer = "https://issuer.example?a=b" },
		"OIDCOptions.KeysURL has a user name":   func(o *workloadid.OIDCOptions) { o.KeysURL = "https://a:s3cret@issuer.example/keys" },
		"OIDCOptions.KeysFile: open /nowhere/":  func(o *workloadid.OIDCOptions) { o.KeysFile = "/nowhere/keys.json" },
	} {
		opts := options(issuer)
		change(&opts)
		auth, err := workloadid.OIDC(t.Context(), opts)
		require.ErrorContains(t, err, says)
		require.Nil(t, auth)
		require.False(t, errors.Is(err, tokenhttp.ErrUnauthenticated))
		require.NotContains(t, err.Error(), "s3cret")
	}
}
