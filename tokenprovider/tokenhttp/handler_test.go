package tokenhttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// tokenOf is the token in a 200.
func tokenOf(t testing.TB, got answer) string {
	t.Helper()
	require.Equal(t, 200, got.status, got.body)
	var body struct{ Token string }
	require.NoError(t, json.Unmarshal([]byte(got.body), &body))
	return body.Token
}

func TestFirstProviderGivesEveryoneTheSameToken(t *testing.T) {
	key := newKey(t)
	registry := provisionhook.NewRegistry()
	server := serve(t, newHandler(t, key, tokenhttp.FirstProvider(registry), nil))
	require.Equal(t, 404, ask(t, server, "GET", "/workspaces/ws-1/token", issue(t, key, "ws-1")).status)

	registry.Register(newTenants(), plugin{tokenprovider.NewCache(&issuer{}, nil)}) // later than the handler
	for _, id := range []string{"ws-1", "ws-2"} {
		require.Equal(t, "token-1", tokenOf(t, ask(t, server, "GET", workspacePath(id), issue(t, key, id))))
		require.Equal(t, "token-1", tokenOf(t, ask(t, server, "GET", workspacePath(id), adminSecret)))
	}
	require.Equal(t, "token-1", tokenOf(t, ask(t, server, "GET", "/admin/github-installation-token", adminSecret)))
}

func TestPerWorkspaceGivesEachWorkspaceItsOwnTokenAndNeverTheSharedOne(t *testing.T) {
	key := newKey(t)
	registry := provisionhook.NewRegistry()
	registry.Register(plugin{tokenprovider.Static("shared-token")})
	server := serve(t, newHandler(t, key, tokenhttp.PerWorkspace(registry), nil))
	got := ask(t, server, "GET", "/workspaces/ws-1/token", issue(t, key, "ws-1"))
	require.Equal(t, 404, got.status, "without a WorkspaceTokenProvider there is nothing to hand out")
	require.NotContains(t, got.body, "shared-token")

	registry.Register(provisionhook.Timeout(newTenants(), time.Minute)) // found through its wrapper
	for _, id := range []string{"ws-1", "ws-2"} {
		require.Equal(t, id+"-token-1", tokenOf(t, ask(t, server, "GET", workspacePath(id), issue(t, key, id))))
		require.Equal(t, id+"-token-1", tokenOf(t, ask(t, server, "GET", workspacePath(id), adminSecret)), "an administrator asks about a workspace")
	}
	require.Equal(t, 403, ask(t, server, "GET", "/workspaces/ws-2/token", issue(t, key, "ws-1")).status)
	require.Equal(t, 403, ask(t, server, "GET", "/workspaces/ws-1/token", issue(t, key, "ws-2")).status)
	require.Equal(t, "shared-token", tokenOf(t, ask(t, server, "GET", "/admin/github-installation-token", adminSecret)))

	got = ask(t, server, "GET", "/workspaces/unknown/token", issue(t, key, "unknown"))
	require.Equal(t, 500, got.status)
	require.Contains(t, got.body, `"code":"not_found"`)

	_, err := tokenhttp.PerWorkspace(registry)(t.Context(), tokenhttp.Principal{})
	require.ErrorIs(t, err, tokenhttp.ErrForbidden, "nobody gets nothing")
}

func TestARejectedTokenIsReplacedAndOnlyThatOne(t *testing.T) {
	for name, source := range map[string]func(*provisionhook.Registry) tokenhttp.Source{
		"FirstProvider": func(r *provisionhook.Registry) tokenhttp.Source { return tokenhttp.FirstProvider(r) },
		"PerWorkspace":  func(r *provisionhook.Registry) tokenhttp.Source { return tokenhttp.PerWorkspace(r) },
	} {
		t.Run(name, func(t *testing.T) {
			key := newKey(t)
			registry := provisionhook.NewRegistry()
			registry.Register(newTenants(), plugin{tokenprovider.NewCache(&issuer{}, &tokenprovider.CacheOptions{Settle: -1})})
			server := serve(t, newHandler(t, key, source(registry), nil))
			get := func(id string, rejected ...string) string {
				return tokenOf(t, ask(t, server, "POST", workspacePath(id), issue(t, key, id), func(r *http.Request) {
					for _, digest := range rejected {
						r.Header.Add("Provisionkit-Rejected", digest)
					}
				}))
			}
			first, other := get("ws-1"), get("ws-2")
			digest := tokenprovider.TokenSHA256(first)
			require.Equal(t, first, get("ws-1", "garbage", "", tokenprovider.TokenSHA256("never issued"), first), "only the digest of the held token counts")

			second := get("ws-1", "garbage", digest)
			require.NotEqual(t, first, second)
			require.Equal(t, second, get("ws-1", digest), "a report that comes late doesn't drop the token after it")
			digests := []string{digest, tokenprovider.TokenSHA256(second)}
			third := get("ws-1", strings.Join(digests, ", "))
			require.NotContains(t, []string{first, second}, third, "a proxy may join the lines of a header")
			require.Equal(t, third, get("ws-1", digests...))
			second = third
			if name == "PerWorkspace" {
				require.Equal(t, other, get("ws-2", digest), "another workspace's token stays")
				require.Equal(t, other, get("ws-2", tokenprovider.TokenSHA256(second)), "and nobody else can drop it")
				require.Equal(t, second, get("ws-1"))
			}
		})
	}
}

// backlog has one token after the other, as when the next one comes from a store that others fill, and the last for good.
type backlog struct {
	tokens []string
	calls  int
}

func (b *backlog) Token(context.Context) (string, time.Time, error) {
	b.calls++
	return b.tokens[0], time.Time{}, nil
}

func (b *backlog) Invalidate(token string) bool {
	if token == b.tokens[0] && len(b.tokens) > 1 {
		b.tokens = b.tokens[1:]
	}
	return true
}

func TestEachTokenThatIsRejectedIsDroppedOnce(t *testing.T) {
	key := newKey(t)
	var reports []string
	for _, token := range []string{"first", "second", "last"} {
		reports = append(reports, tokenprovider.TokenSHA256(token))
	}
	for name, c := range map[string]struct {
		reports []string
		want    string
		calls   int
	}{
		"two of three":                  {reports[:2], "last", 3},
		"in another order, and twice":   {[]string{reports[1], reports[0], reports[1]}, "last", 3},
		"one that comes after":          {reports[1:2], "first", 1},
		"all, and there is no new one":  {reports, "last", 4},
		"as many as are heard":          {append(make([]string, 15), reports[0]), "second", 2},
		"one more":                      {append(make([]string, 16), reports[0]), "first", 1},
		"a header full of nothing":      {[]string{strings.Repeat(",", 16) + reports[0]}, "first", 1},
		"the only one, again and again": {[]string{reports[0], reports[0]}, "second", 2},
	} {
		b := &backlog{tokens: []string{"first", "second", "last"}}
		r := newRequest("GET", workspacePath("ws-1"), issue(t, key, "ws-1"))
		r.Header["Provisionkit-Rejected"] = c.reports
		w := record(newHandler(t, key, fixed(b), nil), r)
		require.Equal(t, c.want, tokenOf(t, answer{status: w.Code, body: w.Body.String()}), name)
		require.Equal(t, c.calls, b.calls, name)
	}
}

func TestATokenTooYoungToBeJudgedIsServedAlthoughItIsRejected(t *testing.T) {
	key := newKey(t)
	mint := &issuer{}
	server := serve(t, newHandler(t, key, fixed(tokenprovider.NewCache(mint, nil)), nil))
	for range 20 {
		got := ask(t, server, "GET", "/workspaces/ws-1/token", issue(t, key, "ws-1"), withHeader("Provisionkit-Rejected", tokenprovider.TokenSHA256("token-1")))
		require.Equal(t, "token-1", tokenOf(t, got))
	}
	require.EqualValues(t, 1, mint.minted.Load(), "a flood of reports is no flood of mints")
}

func TestAReportCostsAProviderThatHoldsNoTokenNothing(t *testing.T) {
	key := newKey(t)
	var calls atomic.Int64
	server := serve(t, newHandler(t, key, fixed(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
		calls.Add(1)
		return tokenSecret, time.Time{}, nil
	})), nil))
	got := ask(t, server, "GET", "/workspaces/ws-1/token", issue(t, key, "ws-1"), withHeader("Provisionkit-Rejected", tokenprovider.TokenSHA256(tokenSecret)))
	require.Equal(t, tokenSecret, tokenOf(t, got))
	require.EqualValues(t, 1, calls.Load())
}

func TestMinTTLReachesTheProvider(t *testing.T) {
	key := newKey(t)
	var asked time.Duration
	server := serve(t, newHandler(t, key, fixed(tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
		asked = tokenprovider.MinTTL(ctx)
		return tokenSecret, time.Time{}, nil
	})), nil))
	for query, want := range map[string]time.Duration{"": 0, "?min_ttl=0s": 0, "?min_ttl=10m": 10 * time.Minute, "?min_ttl=1h30m0s": 90 * time.Minute, "?other=x": 0} {
		tokenOf(t, ask(t, server, "GET", "/workspaces/ws-1/token"+query, issue(t, key, "ws-1")))
		require.Equal(t, want, asked, query)
	}
}

func TestAdmitIsAskedAboutThosePrincipalsOnlyThatTheSourceWouldServe(t *testing.T) {
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
	want := []tokenhttp.Principal{{WorkspaceID: "ws-1"}, {WorkspaceID: "ws-1", Admin: true}, {Admin: true}}
	require.Equal(t, want, admitted)
	require.Equal(t, want, served)

	require.Equal(t, 403, ask(t, server, "GET", "/workspaces/released/token", issue(t, key, "released")).status)
	require.Equal(t, 403, ask(t, server, "GET", "/workspaces/released/token", adminSecret).status)
	require.Equal(t, want, served, "the source isn't asked")
}

func TestTheSourceLearnsWhatThePlatformKnowsOfAWorkspace(t *testing.T) {
	key := newKey(t)
	var seen provisionhook.Workspace
	var known bool
	answers := map[string]provisionhook.Workspace{"ws-1": {Name: "one", Labels: map[string]string{"team": "a"}}, "ws-2": {ID: "ws-2"}, "ws-3": {ID: "ws-1"}}
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
	require.Equal(t, provisionhook.Workspace{ID: "ws-1", Name: "one", Labels: map[string]string{"team": "a"}}, seen)
	require.Equal(t, 200, get("/workspaces/ws-2/token", adminSecret).status)
	require.Equal(t, "ws-2", seen.ID)
	require.Equal(t, 200, get("/admin/github-installation-token", adminSecret).status)
	require.False(t, known, "there is no workspace to know of")
	require.Equal(t, 503, get("/workspaces/ws-3/token", issue(t, key, "ws-3")).status, "metadata of another workspace could choose its token")
	require.False(t, known)
	require.Equal(t, 403, get("/workspaces/ws-4/token", issue(t, key, "ws-4")).status)
}

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
	self := tokenhttp.Principal{WorkspaceID: "ws-1"}

	token := tokenOf(t, ask(t, server, "GET", "/workspaces/ws-1/token", bearer, agent))
	capture.Secret(token)
	issued := last()
	require.WithinDuration(t, time.Now().Add(time.Hour), issued.ExpiresAt, time.Minute)
	expiresAt := issued.ExpiresAt
	require.Equal(t, tokenhttp.AuditRecord{
		Principal: self, RequestedID: "ws-1", Provider: "tenants", ExpiresAt: expiresAt, TokenSHA256: tokenprovider.TokenSHA256(token), UserAgent: "helper/1.2",
	}, issued)

	tokenOf(t, ask(t, server, "GET", "/workspaces/ws-1/token", adminSecret, agent))
	require.Equal(t, tokenhttp.AuditRecord{
		Principal: tokenhttp.Principal{Admin: true}, RequestedID: "ws-1", Provider: "tenants", ExpiresAt: expiresAt,
		TokenSHA256: tokenprovider.TokenSHA256(token), UserAgent: "helper/1.2",
	}, last())

	ask(t, server, "GET", "/workspaces/a%2Fb/token", bearer, agent)
	require.Equal(t, tokenhttp.AuditRecord{Principal: self, RequestedID: "a/b", Code: tokenprovider.CodeForbidden, UserAgent: "helper/1.2"}, last())

	ask(t, server, "GET", "/workspaces/ws-1/token", "wrong", agent)
	require.Equal(t, tokenhttp.AuditRecord{RequestedID: "ws-1", Code: tokenprovider.CodeUnauthenticated, UserAgent: "helper/1.2"}, last())

	ask(t, server, "GET", "/workspaces/unknown/token", adminSecret, agent)
	require.Equal(t, tokenhttp.AuditRecord{
		Principal: tokenhttp.Principal{Admin: true}, RequestedID: "unknown", Provider: "tenants", Code: tokenprovider.CodeNotFound, UserAgent: "helper/1.2",
	}, last())

	ask(t, server, "DELETE", "/workspaces/ws-1/token", bearer, agent)
	require.Equal(t, tokenhttp.AuditRecord{RequestedID: "ws-1", Code: tokenprovider.CodeInvalidRequest, UserAgent: "helper/1.2"}, last())

	ask(t, server, "GET", workspacePath(strings.Repeat("x", 400)), "", withHeader("User-Agent", strings.Repeat("y", 400)))
	long := last()
	require.Len(t, long.RequestedID, 256)
	require.Len(t, long.UserAgent, 256)

	got := ask(t, server, "POST", "/workspaces/ws-1/bearer", bearer, agent)
	require.Equal(t, 200, got.status)
	var renewed struct {
		Bearer    string    `json:"bearer"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &renewed))
	capture.Secret(renewed.Bearer)
	record := last()
	require.True(t, record.ExpiresAt.Equal(renewed.ExpiresAt))
	record.ExpiresAt = time.Time{}
	require.Equal(t, tokenhttp.AuditRecord{
		Principal: self, RequestedID: "ws-1", Provider: "workspace-bearer", TokenSHA256: tokenprovider.TokenSHA256(renewed.Bearer), UserAgent: "helper/1.2",
	}, record)
	p, err := key.Authenticate(bearing(renewed.Bearer))
	require.NoError(t, err)
	require.Equal(t, self, p)

	require.Contains(t, capture.String(), `"msg":"issued","workspace":"ws-1"`)
	require.Contains(t, capture.String(), `"code":"unauthenticated"`)
}

func TestAProvidersFailureIsInTheLogAndNotInTheAnswer(t *testing.T) {
	key := newKey(t)
	capture := testutil.NewCapture(t)
	cause := &tokenprovider.Error{Code: tokenprovider.CodeUnauthenticated, Err: errors.New("GitHub: 'Expiration time' claim is too far in the future")}
	server := serve(t, newHandler(t, key, fixed(failing(cause)), &tokenhttp.Options{Logger: capture.Logger()}))
	got := ask(t, server, "GET", "/workspaces/ws-1/token", issue(t, key, "ws-1"))
	require.NotContains(t, got.body, "Expiration")
	require.Contains(t, capture.String(), `"msg":"[github] token refresh failed"`)
	require.Contains(t, capture.String(), "'Expiration time' claim is too far in the future")
	require.Contains(t, capture.String(), `"workspace":"ws-1"`)
}

// brokenRenewer accepts everything as ws-1 and renews it badly.
type brokenRenewer struct {
	bearer    string
	expiresAt time.Time
	err       error
}

func (brokenRenewer) Authenticate(*http.Request) (tokenhttp.Principal, error) {
	return tokenhttp.Principal{WorkspaceID: "ws-1"}, nil
}

func (b brokenRenewer) Renew(*http.Request) (string, time.Time, error) {
	if errors.Is(b.err, errPanic) {
		panic(b.bearer)
	}
	return b.bearer, b.expiresAt, b.err
}

var errPanic = errors.New("panic")

func TestABearerThatCannotBeRenewedIsRefused(t *testing.T) {
	later := time.Now().Add(time.Hour)
	for name, row := range map[string]struct {
		renewer brokenRenewer
		status  int
	}{
		"expired in between":    {brokenRenewer{err: tokenhttp.ErrUnauthenticated}, 401},
		"forbidden":             {brokenRenewer{err: tokenhttp.ErrForbidden}, 403},
		"not configured":        {brokenRenewer{err: tokenprovider.ErrNotConfigured}, 404},
		"the database is down":  {brokenRenewer{err: errors.New("database is down")}, 503},
		"a panic":               {brokenRenewer{bearer: tokenSecret, err: errPanic}, 503},
		"an empty bearer":       {brokenRenewer{expiresAt: later}, 503},
		"a malformed bearer":    {brokenRenewer{bearer: tokenSecret + "\n", expiresAt: later}, 503},
		"a bearer without life": {brokenRenewer{bearer: tokenSecret}, 503},
		"an expired bearer":     {brokenRenewer{bearer: tokenSecret, expiresAt: time.Now().Add(-time.Second)}, 503},
		"a good one":            {brokenRenewer{bearer: tokenSecret, expiresAt: later}, 200},
	} {
		capture := testutil.NewCapture(t, tokenSecret)
		h, err := tokenhttp.NewHandler(fixed(nil), row.renewer, &tokenhttp.Options{Logger: capture.Logger()})
		require.NoError(t, err)
		got := ask(t, serve(t, h), "POST", "/workspaces/ws-1/bearer", "")
		require.Equal(t, row.status, got.status, name)
		require.Equal(t, row.status != 200, testutil.Leak(got.body, tokenSecret) == "", name)
	}
}

// administrator is a workspace with the rights of an administrator too.
type administrator struct{ brokenRenewer }

func (administrator) Authenticate(*http.Request) (tokenhttp.Principal, error) {
	return tokenhttp.Principal{WorkspaceID: "ws-1", Admin: true}, nil
}

func TestAnAdministratorGetsNoBearerOfAWorkspaceNotEvenOfItsOwn(t *testing.T) {
	auth := administrator{brokenRenewer{bearer: tokenSecret, expiresAt: time.Now().Add(time.Hour)}}
	h, err := tokenhttp.NewHandler(fixed(nil), auth, nil)
	require.NoError(t, err)
	require.Equal(t, 403, ask(t, serve(t, h), "POST", "/workspaces/ws-1/bearer", "").status)
}
