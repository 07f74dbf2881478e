package tokenhttp_test

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func bearing(bearer string) *http.Request {
	return &http.Request{Header: http.Header{"Authorization": {"Bearer " + bearer}}}
}

func TestABearerIsAJWTOfItsWorkspaceAndNoMore(t *testing.T) {
	key := newKey(t)
	bearer, err := key.Issue("team/a b", 90*time.Minute)
	require.NoError(t, err)
	header, claims := decode(t, bearer)
	require.Equal(t, "HS256", header["alg"])
	require.Len(t, header["kid"], 16)
	require.Equal(t, []any{"provisionkit/workspace"}, claims["aud"])
	require.Equal(t, "team/a b", claims["sub"])
	require.EqualValues(t, 90*60, claims["exp"].(float64)-claims["iat"].(float64))
	require.Len(t, claims, 4)

	p, err := key.Authenticate(bearing(bearer))
	require.NoError(t, err)
	require.Equal(t, tokenhttp.Principal{WorkspaceID: "team/a b"}, p)
}

func decode(t testing.TB, bearer string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(bearer, ".")
	require.Len(t, parts, 3)
	for i, into := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, into))
	}
	return header, claims
}

func TestABearerDiesWithItsTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t)
		for ttl, life := range map[time.Duration]time.Duration{
			time.Minute: time.Minute, 1500 * time.Millisecond: 2 * time.Second, time.Nanosecond: time.Second,
		} {
			bearer, err := key.Issue("ws-1", ttl)
			require.NoError(t, err)
			_, err = key.Authenticate(bearing(bearer))
			require.NoError(t, err)
			time.Sleep(life - time.Nanosecond)
			_, err = key.Authenticate(bearing(bearer))
			require.NoError(t, err, ttl)
			time.Sleep(time.Nanosecond)
			_, err = key.Authenticate(bearing(bearer))
			require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated, ttl)
		}
		_, err := key.Issue("ws-1", math.MaxInt64)
		require.NoError(t, err)
	})
}

func TestIssueRefusesWhatIsNoWorkspaceOrNoLife(t *testing.T) {
	key := newKey(t)
	for name, refused := range map[string]struct {
		id    string
		ttl   time.Duration
		names string
	}{
		"an empty id":        {"", time.Hour, "id is empty"},
		"an id not in UTF-8": {"ws-\xff", time.Hour, "UTF-8"},
		"an endless id":      {strings.Repeat("x", 8000), time.Hour, "8000 bytes"},
		"no life":            {"ws-1", 0, "ttl is 0s"},
		"a negative life":    {"ws-1", -time.Second, "ttl is -1s"},
	} {
		bearer, err := key.Issue(refused.id, refused.ttl)
		require.ErrorContains(t, err, refused.names, name)
		require.Empty(t, bearer, name)
	}
}

func TestAWorkspaceKeyNeedsKeysOf32Bytes(t *testing.T) {
	for name, keys := range map[string][][]byte{
		"none": {}, "nil": {nil}, "31 bytes": {firstKey[:31]}, "the second too short": {firstKey, firstKey[:16]},
	} {
		key, err := tokenhttp.NewWorkspaceKey(keys...)
		require.ErrorContains(t, err, "at least 32", name)
		require.Nil(t, key, name)
		testutil.NewCapture(t, string(firstKey)).Write([]byte(err.Error()))
	}
	for _, none := range []*tokenhttp.WorkspaceKey{nil, {}} {
		_, err := none.Issue("ws-1", time.Hour)
		require.ErrorContains(t, err, "NewWorkspaceKey")
		_, err = none.Authenticate(bearing("x"))
		require.ErrorContains(t, err, "NewWorkspaceKey")
		require.NotErrorIs(t, err, tokenhttp.ErrUnauthenticated, "a key that isn't there can't decide")
	}
}

func TestAWorkspaceKeyKeepsACopyOfItsKeys(t *testing.T) {
	mine := append([]byte(nil), firstKey...)
	key := newKey(t, mine)
	bearer := issue(t, key, "ws-1")
	clear(mine)
	_, err := key.Authenticate(bearing(bearer))
	require.NoError(t, err)
	_, err = newKey(t, firstKey).Authenticate(bearing(bearer))
	require.NoError(t, err, "another replica with the same key accepts it")
}

func TestKeysRotateWithoutAWorkspaceBeingLockedOut(t *testing.T) {
	before, during, after := newKey(t, firstKey), newKey(t, secondKey, firstKey), newKey(t, secondKey)
	old, renewed := issue(t, before, "ws-1"), issue(t, during, "ws-1")
	for name, step := range map[string]struct {
		key    *tokenhttp.WorkspaceKey
		bearer string
		ok     bool
	}{
		"old by both":      {during, old, true},
		"new by both":      {during, renewed, true},
		"new by the new":   {after, renewed, true},
		"old by the new":   {after, old, false},
		"new by the old":   {before, renewed, false},
		"the old's own id": {before, old, true},
	} {
		_, err := step.key.Authenticate(bearing(step.bearer))
		require.Equal(t, step.ok, err == nil, name)
	}
	fresh, _, err := during.Renew(bearing(old))
	require.NoError(t, err)
	_, err = after.Authenticate(bearing(fresh))
	require.NoError(t, err, "a renewed bearer is signed with the first key")
}

// TestAForgedBearerIsRefused signs what nobody issued, mostly with the right key: the rules hold all the same.
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
	hs := func(claims jwt.Claims) string { return sign(jwt.SigningMethodHS256, claims, firstID, firstKey) }

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
		"alg none":                  sign(jwt.SigningMethodNone, good(), firstID, jwt.UnsafeAllowNoneSignatureType),
		"alg RS256":                 sign(jwt.SigningMethodRS256, good(), firstID, testutil.RSAKey(t, 0)),
		"alg HS384":                 sign(jwt.SigningMethodHS384, good(), firstID, firstKey),
		"alg HS512":                 sign(jwt.SigningMethodHS512, good(), firstID, firstKey),
		"another key":               sign(jwt.SigningMethodHS256, good(), firstID, secondKey),
		"the kid of another key":    sign(jwt.SigningMethodHS256, good(), secondID, firstKey),
		"no kid":                    sign(jwt.SigningMethodHS256, good(), nil, firstKey),
		"an unknown kid":            sign(jwt.SigningMethodHS256, good(), "0000000000000000", firstKey),
		"a kid that is no string":   sign(jwt.SigningMethodHS256, good(), map[string]any{"a": 1}, firstKey),
		"the key by its kid":        sign(jwt.SigningMethodHS256, good(), firstID, []byte(firstID.(string))),
		"another audience":          hs(with("aud", "provisionkit/admin")),
		"no audience":               hs(with("aud", nil)),
		"an empty audience":         hs(with("aud", "")),
		"no exp":                    hs(with("exp", nil)),
		"exp zero":                  hs(with("exp", 0)),
		"exp past":                  hs(with("exp", time.Now().Add(-time.Second).Unix())),
		"exp in words":              hs(with("exp", "tomorrow")),
		"nbf in the future":         hs(with("nbf", hour)),
		"no sub":                    hs(with("sub", nil)),
		"an empty sub":              hs(with("sub", "")),
		"a sub that is no string":   hs(with("sub", []string{"ws-1"})),
		"no signature":              parts[0] + "." + parts[1] + ".",
		"two segments":              parts[0] + "." + parts[1],
		"four segments":             valid + "." + parts[2],
		"claims of another":         parts[0] + "." + strings.Split(hs(with("sub", "ws-2")), ".")[1] + "." + parts[2],
		"padding":                   valid + "=",
		"a bit more":                valid[:len(valid)-1] + flip(valid[len(valid)-1]),
		"not a JWT":                 "wrong",
		"dots":                      "..",
		"claims that are no object": parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte("null")) + "." + parts[2],
	} {
		p, err := key.Authenticate(bearing(bearer))
		require.Equal(t, tokenhttp.ErrUnauthenticated, err, "%s: nothing of the bearer is in the error", name)
		require.Zero(t, p, name)
		_, _, err = key.Renew(bearing(bearer))
		require.Equal(t, tokenhttp.ErrUnauthenticated, err, name)
	}
}

// flip changes only the bits of a signature's last character that don't belong to it: a strict decoder minds them.
func flip(last byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, last)|1])
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
			require.Equal(t, time.Now().Truncate(time.Second).Add(30*time.Minute), expiresAt, "the life doesn't grow")
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
