package tokenhttp_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestEachIssueAndEachRefusalIsOneAuditRecord(t *testing.T) {
	key := newKey(t)
	capture := testutil.NewCapture(t, adminSecret, string(firstKey))
	var mu sync.Mutex
	var records []tokenhttp.AuditRecord
	registry := provisionhook.NewRegistry()
	registry.Register(newTenants())
	server := serve(t, newHandler(t, key, tokenhttp.PerWorkspace(registry), &tokenhttp.Options{
		Logger: capture.Logger(),
		Audit: func(_ context.Context, r tokenhttp.AuditRecord) {
			mu.Lock()
			defer mu.Unlock()
			records = append(records, r)
		},
	}))
	last := func() tokenhttp.AuditRecord {
		mu.Lock()
		defer mu.Unlock()
		require.Len(t, records, 1)
		r := records[0]
		records = nil
		require.WithinDuration(t, time.Now(), r.Time, time.Minute)
		require.Contains(t, r.RemoteAddr, "127.0.0.1:")
		r.Time, r.RemoteAddr = time.Time{}, ""
		return r
	}
	agent := withHeader("User-Agent", "helper/1.2")
	bearer := issue(t, key, "ws-1")
	capture.Secret(bearer)
	self, err := key.Authenticate(bearing(bearer))
	require.NoError(t, err)
	require.Equal(t, "ws-1", self.WorkspaceID)

	token := tokenOf(t, ask(t, server, "GET", "/workspaces/ws-1/token", bearer, agent))
	capture.Secret(token)
	issued := last()
	require.WithinDuration(t, time.Now().Add(time.Hour), issued.ExpiresAt, time.Minute)
	expiresAt := issued.ExpiresAt
	require.Equal(t, tokenhttp.AuditRecord{
		Principal: self, RequestedID: "ws-1", Provider: "tenants", ExpiresAt: expiresAt,
		TokenSHA256: tokenprovider.TokenSHA256(token), UserAgent: "helper/1.2",
	}, issued)

	tokenOf(t, ask(t, server, "GET", "/workspaces/ws-1/token", adminSecret, agent))
	require.Equal(t, tokenhttp.AuditRecord{
		Principal: tokenhttp.Principal{Admin: true}, RequestedID: "ws-1", Provider: "tenants",
		ExpiresAt:   expiresAt,
		TokenSHA256: tokenprovider.TokenSHA256(token), UserAgent: "helper/1.2",
	}, last())

	ask(t, server, "GET", "/workspaces/a%2Fb/token", bearer, agent)
	require.Equal(t,
		tokenhttp.AuditRecord{
			Principal: self, RequestedID: "a/b", Code: tokenprovider.CodeForbidden,
			UserAgent: "helper/1.2",
		},
		last())

	ask(t, server, "GET", "/workspaces/ws-1/token", "wrong", agent)
	require.Equal(t,
		tokenhttp.AuditRecord{
			RequestedID: "ws-1", Code: tokenprovider.CodeUnauthenticated, UserAgent: "helper/1.2",
		},
		last())

	ask(t, server, "GET", "/workspaces/unknown/token", adminSecret, agent)
	require.Equal(t, tokenhttp.AuditRecord{
		Principal: tokenhttp.Principal{Admin: true}, RequestedID: "unknown", Provider: "tenants",
		Code: tokenprovider.CodeNotFound, UserAgent: "helper/1.2",
	}, last())

	ask(t, server, "DELETE", "/workspaces/ws-1/token", bearer, agent)
	require.Equal(t,
		tokenhttp.AuditRecord{
			RequestedID: "ws-1", Code: tokenprovider.CodeInvalidRequest, UserAgent: "helper/1.2",
		},
		last())

	ask(t, server, "GET", workspacePath(strings.Repeat("x", 400)), "",
		withHeader("User-Agent", strings.Repeat("y", 400)))
	long := last()
	require.Len(t, long.RequestedID, 256)
	require.Len(t, long.UserAgent, 256)

	require.Contains(t, capture.String(), `"msg":"issued","workspace":"ws-1"`)
	require.Contains(t, capture.String(), `"code":"unauthenticated"`)
}

func TestAProvidersFailureIsInTheLogAndNotInTheAnswer(t *testing.T) {
	key := newKey(t)
	capture := testutil.NewCapture(t)
	cause := &tokenprovider.Error{
		Code: tokenprovider.CodeUnauthenticated,
		Err:  errors.New("GitHub: 'Expiration time' claim is too far in the future"),
	}
	server := serve(t,
		newHandler(t, key, fixed(failing(cause)), &tokenhttp.Options{Logger: capture.Logger()}))
	got := ask(t, server, "GET", "/workspaces/ws-1/token", issue(t, key, "ws-1"))
	require.NotContains(t, got.body, "Expiration")
	require.Contains(t, capture.String(), `"msg":"[github] token refresh failed"`)
	require.Contains(t, capture.String(), "'Expiration time' claim is too far in the future")
	require.Contains(t, capture.String(), `"workspace":"ws-1"`)
}
