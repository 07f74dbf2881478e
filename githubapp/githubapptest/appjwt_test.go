package githubapptest_test

import (
	"crypto/rsa"
	"encoding/json"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func keys(k ...*rsa.PublicKey) []*rsa.PublicKey { return k }

const (
	undecodable = "A JSON web token could not be decoded"
	tooFar      = "'Expiration time' claim ('exp') is too far in the future"
	expired     = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
	issuedAhead = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	badIssuer   = "'Issuer' claim ('iss') must be an Integer"
)

func TestAnAppsJWTIsVerifiedAsGitHubDoes(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	claim := func(name string, value any) string {
		return f.bearer(func(c jwt.MapClaims) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		})
	}
	in := func(d time.Duration) int64 { return f.Now().Add(d).Unix() }
	token, _ := f.mint("")
	sign := func(method jwt.SigningMethod, key any) string {
		claims := jwt.MapClaims{"iss": "12", "iat": in(-time.Minute), "exp": in(time.Minute)}
		signed, err := jwt.NewWithClaims(method, claims).SignedString(key)
		require.NoError(t, err)
		return "Bearer " + signed
	}
	for name, c := range map[string]struct {
		authorization string
		status        int
		message       string
	}{
		"the id as text":              {f.bearer(), 200, ""},
		"the id as a number":          {claim("iss", appID), 200, ""},
		"the client id":               {claim("iss", clientID), 200, ""},
		"a scheme in lower case":      {"b" + f.bearer()[1:], 200, ""},
		"the longest life":            {claim("exp", in(10*time.Minute)), 200, ""},
		"an unknown issuer":           {claim("iss", "13"), 404, "Integration not found"},
		"no issuer":                   {claim("iss", nil), 401, badIssuer},
		"an issuer that is no name":   {claim("iss", true), 401, badIssuer},
		"an expiry too far ahead":     {claim("exp", in(10*time.Minute+5*time.Second)), 401, tooFar},
		"an expiry in the past":       {claim("exp", in(-time.Second)), 401, expired},
		"no expiry":                   {claim("exp", nil), 401, expired},
		"an expiry as text":           {claim("exp", "tomorrow"), 401, expired},
		"issued in the future":        {claim("iat", in(5*time.Second)), 401, issuedAhead},
		"issued at no time":           {claim("iat", nil), 401, issuedAhead},
		"issued at a fraction":        {claim("iat", json.Number("1700000000.5")), 401, issuedAhead},
		"a foreign key":               {"Bearer " + signJWT(t, 1, f.Now()), 401, undecodable},
		"a foreign key, wrong clock":  {"Bearer " + signJWT(t, 1, f.Now().Add(time.Hour)), 401, undecodable},
		"RS512":                       {sign(jwt.SigningMethodRS512, testutil.RSAKey(t, 0)), 401, undecodable},
		"HS256":                       {sign(jwt.SigningMethodHS256, []byte("a key of thirty-two bytes, or so")), 401, undecodable},
		"no signature":                {sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), 401, undecodable},
		"garbage":                     {"Bearer one.two.three", 401, undecodable},
		"an installation token":       {"Bearer " + token, 401, undecodable},
		"a JWT as token":              {"token " + f.bearer()[len("Bearer "):], 401, undecodable},
		"nothing":                     {"", 401, "Requires authentication"},
		"a scheme without credential": {"Bearer", 401, undecodable},
	} {
		t.Run(name, func(t *testing.T) {
			resp := f.do("GET", "/app", c.authorization, "")
			require.Equal(t, c.message, resp.message())
			require.Equal(t, c.status, resp.StatusCode)
			if c.message != "" {
				require.NotEmpty(t, resp.json["documentation_url"])
				require.IsType(t, "", resp.json["status"], "GitHub's status is a string")
			}
		})
	}
}

func TestAnAppMayHaveSeveralKeysAndRotateThem(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	old, next := "Bearer "+signJWT(t, 0, f.Now()), "Bearer "+signJWT(t, 1, f.Now())
	token, _ := f.mint("")
	status := func(authorization string) int { return f.do("GET", "/app", authorization, "").StatusCode }
	require.Equal(t, []int{200, 401}, []int{status(old), status(next)})

	f.RotateKeys(appID, &testutil.RSAKey(t, 0).PublicKey, &testutil.RSAKey(t, 1).PublicKey)
	require.Equal(t, []int{200, 200}, []int{status(old), status(next)})

	f.RotateKeys(appID, &testutil.RSAKey(t, 1).PublicKey)
	require.Equal(t, []int{401, 200}, []int{status(old), status(next)})
	require.Equal(t, 200, f.do("GET", "/installation/repositories", "token "+token, "").StatusCode, "tokens live on")
}

func TestAnAppWhoseKeysAreAllDeletedIsToldToMakeOne(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	require.Equal(t, 200, f.do("GET", "/app", f.bearer(), "").StatusCode)
	f.RotateKeys(appID)
	resp := f.do("GET", "/app", f.bearer(), "")
	require.Equal(t, 401, resp.StatusCode)
	require.Equal(t, "Integration must generate a public key", resp.message())
	f.RotateKeys(appID, &testutil.RSAKey(t, 0).PublicKey)
	require.Equal(t, 200, f.do("GET", "/app", f.bearer(), "").StatusCode)
}

func TestAJWTThatWasGoodIsGoodNoLongerThanItsTimes(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	bearer := "Bearer " + signJWT(t, 0, f.Now())
	message := func() string { return f.do("GET", "/app", bearer, "").message() }
	for range 2 {
		require.Empty(t, message())
	}
	f.SetClockOffset(time.Hour)
	require.Equal(t, expired, message())
	f.SetClockOffset(-time.Hour)
	require.Equal(t, tooFar, message())
	f.SetClockOffset(0)
	require.Empty(t, message())
}
