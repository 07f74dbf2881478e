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
	issuedAt := time.Unix(int64(claims["iat"].(float64)), 0).UTC()
	require.Equal(t, tokenhttp.Principal{WorkspaceID: "team/a b", IssuedAt: issuedAt}, p)

	bearer, err = key.Issue("team/a b", 0)
	require.NoError(t, err)
	_, claims = decode(t, bearer)
	require.NotContains(t, claims, "exp")
	require.Len(t, claims, 3)
	for range 2 { // the second time it is known
		again, err := key.Authenticate(bearing(bearer))
		require.NoError(t, err)
		require.True(t, again.NoExpiry)
		require.WithinDuration(t, time.Now(), again.IssuedAt, 10*time.Second)
		again.IssuedAt, again.NoExpiry = p.IssuedAt, false
		require.True(t, again == p, "what tells bearers apart is plain")
	}
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
	old, young := issue(t, before, "ws-1"), issue(t, during, "ws-1")
	for name, step := range map[string]struct {
		key    *tokenhttp.WorkspaceKey
		bearer string
		ok     bool
	}{
		"old by both":      {during, old, true},
		"new by both":      {during, young, true},
		"new by the new":   {after, young, true},
		"old by the new":   {after, old, false},
		"new by the old":   {before, young, false},
		"the old's own id": {before, old, true},
	} {
		_, err := step.key.Authenticate(bearing(step.bearer))
		require.Equal(t, step.ok, err == nil, name)
	}
}
