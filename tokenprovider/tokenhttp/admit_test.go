package tokenhttp_test

import (
	"context"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestAnEmergencyEndsAllAccessAtTheNextRequest(t *testing.T) {
	key := newKey(t, firstKey)
	revoked := map[string]bool{}
	opts := &tokenhttp.Options{Admit: func(_ context.Context, p tokenhttp.Principal) error {
		if revoked[p.WorkspaceID] {
			return tokenhttp.ErrForbidden
		}
		return nil
	}}
	h := newHandler(t, key, fixed(tokenprovider.Static(tokenSecret)), opts)
	one, other := issue(t, key, "ws-1"), issue(t, key, "ws-2")
	require.Equal(t, 200, record(h, newRequest("GET", "/workspaces/ws-1/token", one)).Code)

	revoked["ws-1"] = true // one workspace
	require.Equal(t, 403, record(h, newRequest("GET", "/workspaces/ws-1/token", one)).Code)
	require.Equal(t, 200, record(h, newRequest("GET", "/workspaces/ws-2/token", other)).Code)

	// the key is known to strangers: all of them
	h = newHandler(t, newKey(t, secondKey), fixed(tokenprovider.Static(tokenSecret)), nil)
	require.Equal(t, 401, record(h, newRequest("GET", "/workspaces/ws-1/token", one)).Code)
	require.Equal(t, 401, record(h, newRequest("GET", "/workspaces/ws-2/token", other)).Code)
}

func TestAdmitIsAskedOnlyAboutWhomTheSourceWouldServe(t *testing.T) {
	key := newKey(t)
	var admitted, served []tokenhttp.Principal
	server := serve(t, newHandler(t, key, func(_ context.Context, p tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
		served = append(served, p)
		return tokenprovider.Static(tokenSecret), nil
	}, &tokenhttp.Options{Admit: func(_ context.Context, p tokenhttp.Principal) error {
		admitted = append(admitted, p)
		if p.WorkspaceID == "released" {
			return tokenhttp.ErrForbidden
		}
		return nil
	}}))
	ask(t, server, "GET", "/workspaces/ws-1/token", "wrong")
	ask(t, server, "GET", "/workspaces/ws-2/token", issue(t, key, "ws-1"))
	require.Empty(t, admitted)

	ask(t, server, "GET", "/workspaces/ws-1/token", issue(t, key, "ws-1"))
	ask(t, server, "GET", "/workspaces/ws-1/token", adminSecret)
	ask(t, server, "GET", "/admin/github-installation-token", adminSecret)
	self := admitted[0]
	require.WithinDuration(t, time.Now(), self.IssuedAt, 10*time.Second)
	want := []tokenhttp.Principal{
		{WorkspaceID: "ws-1", IssuedAt: self.IssuedAt},
		{WorkspaceID: "ws-1", Admin: true}, // whose bearer says nothing of the workspace
		{Admin: true},
	}
	require.Equal(t, want, admitted)
	require.Equal(t, want, served)

	require.Equal(t, 403,
		ask(t, server, "GET", "/workspaces/released/token", issue(t, key, "released")).status)
	require.Equal(t, 403, ask(t, server, "GET", "/workspaces/released/token", adminSecret).status)
	require.Equal(t, want, served, "the source isn't asked")
}

func TestTheSourceLearnsWhatThePlatformKnowsOfAWorkspace(t *testing.T) {
	key := newKey(t)
	var seen provisionhook.Workspace
	var known bool
	answers := map[string]provisionhook.Workspace{
		"ws-1": {Name: "one", Labels: map[string]string{"team": "a"}}, "ws-2": {ID: "ws-2"},
		"ws-3": {ID: "ws-1"},
	}
	server := serve(t, newHandler(t, key, func(ctx context.Context, _ tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
		seen, known = provisionhook.WorkspaceFrom(ctx)
		return tokenprovider.Static(tokenSecret), nil
	}, &tokenhttp.Options{Workspace: func(_ context.Context, id string) (provisionhook.Workspace, error) {
		workspace, ok := answers[id]
		if !ok {
			return workspace, tokenhttp.ErrForbidden
		}
		return workspace, nil
	}}))
	get := func(path, bearer string) answer {
		seen, known = provisionhook.Workspace{}, false
		return ask(t, server, "GET", path, bearer)
	}

	require.Equal(t, 200, get("/workspaces/ws-1/token", issue(t, key, "ws-1")).status)
	require.Equal(t,
		provisionhook.Workspace{ID: "ws-1", Name: "one", Labels: map[string]string{"team": "a"}},
		seen)
	require.Equal(t, 200, get("/workspaces/ws-2/token", adminSecret).status)
	require.Equal(t, "ws-2", seen.ID)
	require.Equal(t, 200, get("/admin/github-installation-token", adminSecret).status)
	require.False(t, known, "there is no workspace to know of")
	require.Equal(t, 503, get("/workspaces/ws-3/token", issue(t, key, "ws-3")).status,
		"metadata of another workspace could choose its token")
	require.False(t, known)
	require.Equal(t, 403, get("/workspaces/ws-4/token", issue(t, key, "ws-4")).status)
}

func TestAPlatformLimitsTheRequestsOfEachPrincipalByAdmit(t *testing.T) {
	key := newKey(t)
	var records []tokenhttp.AuditRecord
	type sender struct {
		id    string
		admin bool
	}
	counts := map[sender]int{}
	h := newHandler(t, key, fixed(tokenprovider.Static(tokenSecret)), &tokenhttp.Options{
		Admit: func(_ context.Context, p tokenhttp.Principal) error {
			s := sender{p.WorkspaceID, p.Admin}
			if counts[s]++; counts[s] > 2 {
				return &tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: 7 * time.Second}
			}
			return nil
		},
		Audit: func(_ context.Context, r tokenhttp.AuditRecord) { records = append(records, r) },
	})
	get := func(id, bearer string) (int, string) {
		w := record(h, newRequest("GET", workspacePath(id), bearer))
		return w.Code, w.Header().Get("Retry-After")
	}
	for range 2 {
		status, _ := get("ws-1", issue(t, key, "ws-1"))
		require.Equal(t, 200, status)
	}
	status, wait := get("ws-1", issue(t, key, "ws-1"))
	require.Equal(t, 429, status)
	require.Equal(t, "7", wait)
	last := records[len(records)-1]
	require.Equal(t, "ws-1", last.Principal.WorkspaceID)
	require.Equal(t, tokenprovider.CodeRateLimited, last.Code)
	for bearer, want := range map[string]int{issue(t, key, "ws-2"): 200, adminSecret: 200} {
		status, _ := get("ws-2", bearer)
		require.Equal(t, want, status, "nobody else is held up")
	}
}
