package tokenhttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// What went wrong on platforms of this kind, and can't here: each test is named after what holds instead.

func TestAWorkspaceThatIsStartedAgainKeepsTheBearerOfItsFirstStart(t *testing.T) {
	key := newKey(t)
	registry := provisionhook.NewRegistry()
	registry.Register(newTenants())
	server := serve(t, newHandler(t, key, tokenhttp.PerWorkspace(registry), nil))
	registry.Register(newMutator(t, tokenhttp.MutatorOptions{BaseURL: server.URL, Key: key}))
	first, second := map[string]string{}, map[string]string{}
	require.NoError(t, registry.Run(t.Context(), "ws-1", first))
	require.NoError(t, registry.Run(t.Context(), "ws-1", second))
	for _, env := range []map[string]string{first, second, first} {
		require.Equal(t, "ws-1-token-1", tokenOf(t, ask(t, server, "GET", "/workspaces/ws-1/token", env[tokenhttp.EnvBearer])))
	}
}

func TestAPlatformWhosePluginIsGoneTellsWorkspacesOnceThatTryingAgainIsPointless(t *testing.T) {
	key := newKey(t)
	var requests atomic.Int64
	h := newHandler(t, key, tokenhttp.FirstProvider(provisionhook.NewRegistry()), nil)
	server := serveDirectly(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		h.ServeHTTP(w, r)
	}))
	c := tokenprovider.NewCache(&tokenhttp.Client{URL: server.URL + "/workspaces/ws-1/token", Bearer: tokenprovider.Static(issue(t, key, "ws-1"))}, nil)
	for range 50 {
		_, _, err := c.Token(t.Context())
		require.ErrorIs(t, err, tokenprovider.ErrNotConfigured)
		var e *tokenprovider.Error
		require.ErrorAs(t, err, &e)
		require.False(t, e.Retryable())
	}
	require.EqualValues(t, 1, requests.Load())
}

func TestWhoNeedsMoreLifeThanATokenHasLeftGetsAnotherToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(t, newKey(t), fixed(tokenprovider.NewCache(&issuer{}, nil)), nil)
		get := func(query string) string {
			w := record(h, newRequest("GET", "/workspaces/ws-1/token"+query, adminSecret))
			return tokenOf(t, answer{status: w.Code, body: w.Body.String()})
		}
		require.Equal(t, "token-1", get(""))
		time.Sleep(40 * time.Minute)
		require.Equal(t, "token-1", get("?min_ttl=15m"))
		require.Equal(t, "token-2", get("?min_ttl=25m"))
		require.Equal(t, "token-2", get("?min_ttl=10h"), "a wish that no token can fulfil costs no mint")
	})
}

func TestReportsAndRetriesAreNoStormUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mints atomic.Int64
		var broken atomic.Bool
		cache := tokenprovider.NewCache(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			n := mints.Add(1)
			time.Sleep(50 * time.Millisecond)
			if broken.Load() {
				return "", time.Time{}, errors.New("connection refused")
			}
			return fmt.Sprintf("token-%d", n), time.Now().Add(time.Hour), nil
		}), nil)
		key := newKey(t)
		h := newHandler(t, key, fixed(cache), nil)
		bearer := issue(t, key, "ws-1")
		storm := func(rejected string, status int) {
			var callers sync.WaitGroup
			for range 100 {
				callers.Go(func() {
					r := newRequest("POST", "/workspaces/ws-1/token", bearer)
					r.Header.Set("Provisionkit-Rejected", tokenprovider.TokenSHA256(rejected))
					if got := record(h, r).Code; got != status {
						t.Errorf("status %d instead of %d", got, status)
					}
				})
			}
			callers.Wait()
		}
		storm("", 200)
		require.EqualValues(t, 1, mints.Load())
		time.Sleep(time.Minute)
		storm("token-1", 200)
		require.EqualValues(t, 2, mints.Load(), "a token that was refused is replaced once")
		storm("token-2", 200)
		require.EqualValues(t, 2, mints.Load(), "one that is seconds old isn't")
		time.Sleep(time.Minute)
		broken.Store(true)
		storm("token-2", 500)
		storm("token-2", 500)
		require.EqualValues(t, 3, mints.Load(), "and what fails is not tried again for each who asks")
	})
}

func TestAPlatformLimitsTheRequestsOfEachPrincipalByAdmit(t *testing.T) {
	key := newKey(t)
	var records []tokenhttp.AuditRecord
	counts := map[tokenhttp.Principal]int{}
	h := newHandler(t, key, fixed(tokenprovider.Static(tokenSecret)), &tokenhttp.Options{
		Admit: func(_ context.Context, p tokenhttp.Principal) error {
			if counts[p]++; counts[p] > 2 {
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
	require.Equal(t, tokenhttp.Principal{WorkspaceID: "ws-1"}, last.Principal)
	require.Equal(t, tokenprovider.CodeRateLimited, last.Code)
	for bearer, want := range map[string]int{issue(t, key, "ws-2"): 200, adminSecret: 200} {
		status, _ := get("ws-2", bearer)
		require.Equal(t, want, status, "nobody else is held up")
	}
}

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
	require.Equal(t, 403, record(h, newRequest("POST", "/workspaces/ws-1/bearer", one)).Code, "nor does it get a new bearer")
	require.Equal(t, 200, record(h, newRequest("GET", "/workspaces/ws-2/token", other)).Code)

	h = newHandler(t, newKey(t, secondKey), fixed(tokenprovider.Static(tokenSecret)), nil) // the key is known to strangers: all of them
	require.Equal(t, 401, record(h, newRequest("GET", "/workspaces/ws-1/token", one)).Code)
	require.Equal(t, 401, record(h, newRequest("GET", "/workspaces/ws-2/token", other)).Code)
}
