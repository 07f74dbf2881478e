package tokenhttp_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// wrapped is a platform's own Authenticator around a WorkspaceKey.
func wrapped(key *tokenhttp.WorkspaceKey) tokenhttp.Authenticator {
	return authFunc(func(r *http.Request) (tokenhttp.Principal, error) { return key.Authenticate(r) })
}

func eternal(t testing.TB, key *tokenhttp.WorkspaceKey, id string) string {
	t.Helper()
	bearer, err := key.Issue(id, 0)
	require.NoError(t, err)
	return bearer
}

func TestABearerWithoutExpiryNeedsAnAdmit(t *testing.T) {
	key := newKey(t)
	bearer := eternal(t, key, "ws-1")
	for name, auth := range map[string]tokenhttp.Authenticator{
		"a WorkspaceKey": key, "the platform's own": wrapped(key),
		"AnyOf": anyOf(t, adminToken(t, adminSecret), anyOf(t, wrapped(key))),
	} {
		capture := testutil.NewCapture(t, bearer)
		var audited []tokenhttp.AuditRecord
		opts := &tokenhttp.Options{
			Logger: capture.Logger(),
			Audit:  func(_ context.Context, r tokenhttp.AuditRecord) { audited = append(audited, r) },
		}
		h, err := tokenhttp.NewHandler(fixed(tokenprovider.Static(tokenSecret)), auth, opts)
		require.NoError(t, err)
		for _, path := range []string{"/workspaces/ws-1/token", "/workspaces/ws-2/token"} {
			w := record(h, newRequest("GET", path, bearer))
			require.Equal(t, 401, w.Code, name)
			require.Equal(t, bodyUnauthenticated, w.Body.String())
		}
		require.Equal(t, 200, record(h, newRequest("GET", "/workspaces/ws-1/token", issue(t, key, "ws-1"))).Code,
			"one that expires needs no Admit")
		require.Equal(t, 1, strings.Count(capture.String(), `"msg":"bearer without expiry refused","workspace":"ws-1"`))
		require.Contains(t, capture.String(), "Options.Admit is nil")
		require.Equal(t, tokenprovider.CodeUnauthenticated, audited[0].Code)
		require.True(t, audited[0].Principal.NoExpiry)

		opts.Admit = everyone
		h, err = tokenhttp.NewHandler(fixed(tokenprovider.Static(tokenSecret)), auth, opts)
		require.NoError(t, err)
		require.Equal(t, 200, record(h, newRequest("GET", "/workspaces/ws-1/token", bearer)).Code, name)
	}
}

func TestAFleetOfRefusedBearersIsOneLineAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t)
		capture := testutil.NewCapture(t)
		h, err := tokenhttp.NewHandler(fixed(nil), key, &tokenhttp.Options{Logger: capture.Logger()})
		require.NoError(t, err)
		bearer := eternal(t, key, "ws-1")
		for range 6 * 60 {
			require.Equal(t, 401, record(h, newRequest("GET", "/workspaces/ws-1/token", bearer)).Code)
			time.Sleep(10 * time.Second)
		}
		require.Equal(t, 60, strings.Count(capture.String(), "bearer without expiry refused"))
	})
}

func TestAnEarlierLifesBearerIsRefusedByAdmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t)
		var started time.Time
		h := newHandler(t, key, fixed(tokenprovider.Static(tokenSecret)), &tokenhttp.Options{
			Admit: func(_ context.Context, p tokenhttp.Principal) error {
				if !p.Admin && p.IssuedAt.Before(started.Truncate(time.Second)) {
					return tokenhttp.ErrForbidden
				}
				return nil
			},
		})
		status := func(bearer string) int {
			return record(h, newRequest("GET", "/workspaces/ws-1/token", bearer)).Code
		}
		time.Sleep(900 * time.Millisecond) // a start within a second, of which a bearer knows nothing
		started = time.Now()
		time.Sleep(50 * time.Millisecond)
		first := eternal(t, key, "ws-1")
		require.Equal(t, 200, status(first))
		time.Sleep(30 * 24 * time.Hour)
		require.Equal(t, 200, status(first), "it lives as long as its workspace")
		started = time.Now()
		second := eternal(t, key, "ws-1")
		require.Equal(t, 403, status(first))
		require.Equal(t, 200, status(second))
		require.Equal(t, 200, status(adminSecret), "an administrator acts for the workspace, at any time")
	})
}
