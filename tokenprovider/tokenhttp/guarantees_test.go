package tokenhttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/provisionhook/statuspage"
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

// TestTokensOfManyReplicasThatDieTogetherAreReplacedByEach: each replica has a token of its own, as without a Store or while
// it is down, and a forge kills all of them. A workspace that goes from one to the next must not be handed the dead ones
// in turn, each on the report of another.
func TestTokensOfManyReplicasThatDieTogetherAreReplacedByEach(t *testing.T) {
	for _, replicas := range []int{1, 2, 3, 8} {
		synctest.Test(t, func(t *testing.T) {
			key := newKey(t)
			var minted atomic.Int64
			var dead atomic.Int64 // the newest token that the forge killed, with all before it
			mint := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
				return fmt.Sprint(minted.Add(1)), time.Now().Add(time.Hour), nil
			})
			alive := func(token string) bool {
				n, err := strconv.ParseInt(token, 10, 64)
				require.NoError(t, err)
				return n > dead.Load()
			}
			var platform balancer
			for range replicas {
				platform.replicas = append(platform.replicas, newHandler(t, key, fixed(tokenprovider.NewCache(mint, nil)), nil))
			}
			workspace := tokenprovider.NewCache(&tokenhttp.Client{
				URL: "https://platform.example" + workspacePath("ws-1"), Bearer: tokenprovider.Static(issue(t, key, "ws-1")),
				HTTPClient: &http.Client{Transport: &platform},
			}, nil)
			works := func() bool { // an operation, as tokenprovider.Transport does it
				token, _, err := workspace.Token(t.Context())
				require.NoError(t, err)
				if !alive(token) && workspace.Invalidate(token) {
					token, _, err = workspace.Token(t.Context())
					require.NoError(t, err)
				}
				return alive(token)
			}
			for range replicas { // all of them have a token
				_, err := platform.RoundTrip(newRequest("GET", workspacePath("ws-1"), issue(t, key, "ws-1")))
				require.NoError(t, err)
			}
			require.True(t, works())
			time.Sleep(time.Minute)
			dead.Store(minted.Load())
			for range replicas - 1 { // a replica is known to have a dead token once it was handed out
				works()
				time.Sleep(time.Minute)
			}
			for range 10 * replicas {
				require.True(t, works())
				time.Sleep(time.Minute)
			}
			require.LessOrEqual(t, minted.Load(), int64(2*replicas), "one mint of each for the token that died")
		})
	}
}

// balancer sends each request to the next replica.
type balancer struct {
	replicas []http.Handler
	turn     atomic.Int64
}

func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	b.replicas[int(b.turn.Add(1))%len(b.replicas)].ServeHTTP(w, r)
	return w.Result(), nil
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

func TestAWorkspacesBearerOpensItsOwnEndpointsAndNothingElse(t *testing.T) {
	key := newKey(t)
	registry := provisionhook.NewRegistry()
	registry.Register(newTenants(), plugin{tokenprovider.Static(tokenSecret)})
	auth := anyOf(t, adminToken(t, adminSecret), key)
	handler, err := tokenhttp.NewHandler(tokenhttp.PerWorkspace(registry), auth, nil)
	require.NoError(t, err)
	bearer := issue(t, key, "ws-1")
	for _, name := range []string{"token", "github-installation-token"} {
		for _, method := range []string{"GET", "POST"} {
			require.Equal(t, 200, record(handler, newRequest(method, "/workspaces/ws-1/"+name, bearer)).Code, name)
			require.Equal(t, 403, record(handler, newRequest(method, "/workspaces/ws-2/"+name, bearer)).Code, name)
		}
	}
	require.Equal(t, 200, record(handler, newRequest("POST", "/workspaces/ws-1/bearer", bearer)).Code)
	require.Equal(t, 403, record(handler, newRequest("POST", "/workspaces/ws-2/bearer", bearer)).Code)
	page, err := statuspage.New(registry, auth)
	require.NoError(t, err)
	for h, path := range map[http.Handler]string{handler: "/admin/github-installation-token", page: "/admin/status"} {
		w := record(h, newRequest("GET", path, bearer))
		require.Equal(t, 403, w.Code, path)
		require.NotContains(t, w.Body.String(), tokenSecret)
		require.Equal(t, 200, record(h, newRequest("GET", path, adminSecret)).Code, "the administrator's does")
	}
}

func TestAnAuthenticatorThatCannotDecideAdmitsNobodyAndIsNoRefusal(t *testing.T) {
	key := newKey(t)
	broken := authFunc(func(*http.Request) (tokenhttp.Principal, error) {
		return tokenhttp.Principal{WorkspaceID: "ws-1", Admin: true}, errors.New("the database doesn't answer")
	})
	panics := authFunc(func(*http.Request) (tokenhttp.Principal, error) { panic("the database doesn't answer") })
	for name, auth := range map[string]tokenhttp.Authenticator{
		"an error": broken, "a panic": panics, "one of two": anyOf(t, key, broken), "the first of two": anyOf(t, broken, panics),
	} {
		var records []tokenhttp.AuditRecord
		h, err := tokenhttp.NewHandler(fixed(tokenprovider.Static(tokenSecret)), auth, &tokenhttp.Options{
			Audit: func(_ context.Context, r tokenhttp.AuditRecord) { records = append(records, r) },
		})
		require.NoError(t, err)
		for _, r := range []*http.Request{
			newRequest("GET", "/admin/github-installation-token", "somebody's"), newRequest("GET", "/workspaces/ws-1/token", "somebody's"),
			newRequest("POST", "/workspaces/ws-1/bearer", "somebody's"),
		} {
			w := record(h, r)
			require.Equal(t, 503, w.Code, "%s: %s", name, r.URL.Path)
			require.NotEmpty(t, w.Header().Get("Retry-After"), name)
			require.Equal(t, `{"error":"authentication unavailable","code":"unavailable"}`, w.Body.String(), name)
		}
		require.Len(t, records, 3, name)
		for _, r := range records {
			require.Equal(t, tokenprovider.CodeUnavailable, r.Code)
			require.Empty(t, r.TokenSHA256)
		}
	}
}

func TestNoAnswerMayBeKeptAndEachThatPassesSaysWhenToComeAgain(t *testing.T) {
	key := newKey(t)
	limited := func(retryAfter time.Duration) tokenhttp.Source {
		return fixed(failing(&tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: retryAfter}))
	}
	admit := func(err error) *tokenhttp.Options {
		return &tokenhttp.Options{Admit: func(context.Context, tokenhttp.Principal) error { return err }}
	}
	well := fixed(tokenprovider.Static(tokenSecret))
	own := func(id string) string { return issue(t, key, id) }
	for name, c := range map[string]struct {
		src          tokenhttp.Source
		opts         *tokenhttp.Options
		method, path string
		bearer       string
		status       int
		comeAgain    bool
	}{
		"a token":                   {well, nil, "GET", "/workspaces/ws-1/token", own("ws-1"), 200, false},
		"a bearer":                  {well, nil, "POST", "/workspaces/ws-1/bearer", own("ws-1"), 200, false},
		"a malformed wish":          {well, nil, "GET", "/workspaces/ws-1/token?min_ttl=x", own("ws-1"), 400, false},
		"nobody":                    {well, nil, "GET", "/workspaces/ws-1/token", "", 401, false},
		"somebody else":             {well, nil, "GET", "/workspaces/ws-1/token", own("ws-2"), 403, false},
		"no provider":               {fixed(nil), nil, "GET", "/workspaces/ws-1/token", own("ws-1"), 404, false},
		"another method":            {well, nil, "HEAD", "/workspaces/ws-1/token", own("ws-1"), 405, false},
		"too many of a principal's": {well, admit(&tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: time.Minute}), "GET", "/workspaces/ws-1/token", own("ws-1"), 429, true},
		"too many upstream":         {limited(time.Minute), nil, "GET", "/workspaces/ws-1/token", own("ws-1"), 500, true},
		"an admission that fails":   {well, admit(errors.New("no database")), "GET", "/workspaces/ws-1/token", own("ws-1"), 503, true},
	} {
		w := record(newHandler(t, key, c.src, c.opts), newRequest(c.method, c.path, c.bearer))
		require.Equal(t, c.status, w.Code, name)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"), name)
		require.Equal(t, "no-cache", w.Header().Get("Pragma"), name)
		require.Equal(t, c.comeAgain, w.Header().Get("Retry-After") != "", name)
	}
}

// roundTripper answers requests without a network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestATokenThatDiesOnItsWayIsWorthAnotherTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dying := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			expiresAt := time.Now().Add(time.Second)
			time.Sleep(2 * time.Second)
			return tokenSecret, expiresAt, nil
		})
		key, err := tokenhttp.NewWorkspaceKey(make([]byte, 32))
		require.NoError(t, err)
		bearer, err := key.Issue("ws-1", time.Hour)
		require.NoError(t, err)
		handler, err := tokenhttp.NewHandler(fixed(dying), key, nil)
		require.NoError(t, err)
		late := time.Duration(0)
		client := &tokenhttp.Client{URL: "https://platform.example/workspaces/ws-1/token", Bearer: tokenprovider.Static(bearer), HTTPClient: &http.Client{
			Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				answer := httptest.NewRecorder()
				handler.ServeHTTP(answer, req)
				time.Sleep(late)
				return answer.Result(), nil
			}),
		}}
		require.ErrorContains(t, requireCode(t, client, tokenprovider.CodeUnavailable), "500 Internal Server Error (unavailable)")

		handler, err = tokenhttp.NewHandler(fixed(leased(tokenSecret, time.Now().Add(2*time.Second))), key, nil)
		require.NoError(t, err)
		late = 3 * time.Second
		require.ErrorContains(t, requireCode(t, client, tokenprovider.CodeUnavailable), "expired on its way")

		late = 0
		time.Sleep(800 * time.Millisecond) // of a second that the wire doesn't tell
		handler, err = tokenhttp.NewHandler(fixed(leased(tokenSecret, time.Now().Add(100*time.Millisecond))), key, nil)
		require.NoError(t, err)
		require.ErrorContains(t, requireCode(t, client, tokenprovider.CodeUnavailable), "expired on its way")
	})
}
