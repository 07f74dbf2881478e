package tokenhttp_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// TestAForgedBearerIsRefused signs what nobody issued, mostly with the right
// key: the rules hold all the same.
func TestAForgedBearerIsRefused(t *testing.T) {
	key := newKey(t, firstKey, secondKey)
	header, _ := decode(t, issue(t, key, "ws-1"))
	firstID := header["kid"]
	header, _ = decode(t, issue(t, newKey(t, secondKey), "ws-1"))
	secondID := header["kid"]

	hour := time.Now().Add(time.Hour).Unix()
	good := func() jwt.MapClaims {
		return jwt.MapClaims{"aud": "provisionkit/workspace", "sub": "ws-1", "exp": hour}
	}
	with := func(name string, value any) jwt.MapClaims {
		claims := good()
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
		return claims
	}
	sign := func(method jwt.SigningMethod, claims jwt.Claims, kid any, key any) string {
		token := jwt.NewWithClaims(method, claims)
		token.Header["kid"] = kid
		if kid == nil {
			delete(token.Header, "kid")
		}
		signed, err := token.SignedString(key)
		require.NoError(t, err)
		return signed
	}
	hs := func(claims jwt.Claims) string {
		return sign(jwt.SigningMethodHS256, claims, firstID, firstKey)
	}

	for name, bearer := range map[string]string{
		"the control":             hs(good()),
		"by the second key":       sign(jwt.SigningMethodHS256, good(), secondID, secondKey),
		"an nbf that has come":    hs(with("nbf", time.Now().Add(-time.Minute).Unix())),
		"one of several audience": hs(with("aud", []string{"other", "provisionkit/workspace"})),
	} {
		p, err := key.Authenticate(bearing(bearer))
		require.NoError(t, err, name)
		require.Equal(t, tokenhttp.Principal{WorkspaceID: "ws-1"}, p, name)
	}
	valid := hs(good())
	parts := strings.Split(valid, ".")
	for name, bearer := range map[string]string{
		"alg none": sign(jwt.SigningMethodNone, good(), firstID,
			jwt.UnsafeAllowNoneSignatureType),
		"alg RS256":              sign(jwt.SigningMethodRS256, good(), firstID, testutil.RSAKey(t, 0)),
		"alg HS384":              sign(jwt.SigningMethodHS384, good(), firstID, firstKey),
		"alg HS512":              sign(jwt.SigningMethodHS512, good(), firstID, firstKey),
		"another key":            sign(jwt.SigningMethodHS256, good(), firstID, secondKey),
		"the kid of another key": sign(jwt.SigningMethodHS256, good(), secondID, firstKey),
		"no kid":                 sign(jwt.SigningMethodHS256, good(), nil, firstKey),
		"an unknown kid":         sign(jwt.SigningMethodHS256, good(), "0000000000000000", firstKey),
		"a kid that is no string": sign(jwt.SigningMethodHS256, good(), map[string]any{"a": 1},
			firstKey),
		"the key by its kid": sign(jwt.SigningMethodHS256, good(), firstID,
			[]byte(firstID.(string))),
		"another audience":        hs(with("aud", "provisionkit/admin")),
		"no audience":             hs(with("aud", nil)),
		"an empty audience":       hs(with("aud", "")),
		"exp zero":                hs(with("exp", 0)),
		"exp past":                hs(with("exp", time.Now().Add(-time.Second).Unix())),
		"exp in words":            hs(with("exp", "tomorrow")),
		"nbf in the future":       hs(with("nbf", hour)),
		"no sub":                  hs(with("sub", nil)),
		"an empty sub":            hs(with("sub", "")),
		"a sub that is no string": hs(with("sub", []string{"ws-1"})),
		"no signature":            parts[0] + "." + parts[1] + ".",
		"two segments":            parts[0] + "." + parts[1],
		"four segments":           valid + "." + parts[2],
		"claims of another": parts[0] + "." + strings.Split(hs(with("sub", "ws-2")),
			".")[1] + "." + parts[2],
		"padding":                   valid + "=",
		"a bit more":                valid[:len(valid)-1] + flip(valid[len(valid)-1]),
		"not a JWT":                 "wrong",
		"dots":                      "..",
		"claims that are no object": parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte("null")) + "." + parts[2],
	} {
		p, err := key.Authenticate(bearing(bearer))
		require.Equal(t, tokenhttp.ErrUnauthenticated, err,
			"%s: nothing of the bearer is in the error", name)
		require.Zero(t, p, name)
	}
}

// flip changes only the bits of a signature's last character that don't belong
// to it: a strict decoder minds them.
func flip(last byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, last)|1])
}
