package redisstore_test

import (
	"context"
	"crypto/rsa"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/redisstore"
	"github.com/stretchr/testify/require"
)

// roundTrips are the requests to a forge that takes its time, each from when it
// came until it was answered.
type roundTrips struct {
	latency time.Duration

	mu    sync.Mutex
	spans [][2]time.Time
}

// answer is a fault that only takes time.
func (r *roundTrips) answer(w http.ResponseWriter, req *http.Request, next http.Handler) {
	began := time.Now()
	githubapptest.Delay(r.latency)(w, req, next)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spans = append(r.spans, [2]time.Time{began, time.Now()})
}

// inTurn returns the number of requests of which each waited for the one before:
// the most that don't overlap.
func (r *roundTrips) inTurn() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortFunc(r.spans, func(a, b [2]time.Time) int { return a[1].Compare(b[1]) })
	var last time.Time
	for _, span := range r.spans {
		if n == 0 || span[0].After(last) {
			n, last = n+1, span[1]
		}
	}
	return n
}

func TestAReleaseIsHeededAtOnceAndRevokesInOneGo(t *testing.T) {
	const tokens, latency = 3, 300 * time.Millisecond
	s := startRedis(t)
	forge, err := githubapptest.NewServer(nil)
	require.NoError(t, err)
	t.Cleanup(forge.Close)
	forge.AddApp(githubapptest.App{ID: 7, Keys: []*rsa.PublicKey{&testutil.RSAKey(t, 0).PublicKey}})
	var repositories []string
	for n := range tokens { // of three organisations: a token for each
		repositories = append(repositories, fmt.Sprintf("org%d/app", n))
		forge.AddInstallation(githubapptest.Installation{ID: int64(40 + n), AppID: 7, Account: fmt.Sprint("org", n), Repositories: repositories[n:]})
	}
	var replicas []*githubapp.WorkspaceMutator
	for range 3 {
		app, err := githubapp.New(githubapp.Options{
			AppID: 7, PrivateKey: testutil.RSAKeyPEM(t, 0), BaseURL: forge.URL, HTTPClient: forge.Client(),
			Store: redisstore.New(s.client(t), nil), SealKeys: [][]byte{sealKey(1)},
		})
		require.NoError(t, err)
		policy, err := githubapp.Repositories(app, func(context.Context, string) ([]string, error) { return repositories, nil }, nil)
		require.NoError(t, err)
		m, err := githubapp.NewWorkspaceMutator(app, policy, nil)
		require.NoError(t, err)
		replicas = append(replicas, m)
	}
	get := func(m *githubapp.WorkspaceMutator, repository string) (string, error) {
		token, _, err := m.WorkspaceToken(tokenprovider.WithRepository(t.Context(), repository), "a")
		return token, err
	}
	requireRefused := func() {
		t.Helper()
		for _, m := range replicas {
			for _, repository := range repositories {
				_, err := get(m, repository)
				require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err), "%v", err)
			}
		}
	}
	require.NoError(t, replicas[0].MutateEnv(t.Context(), "a", map[string]string{}))
	given := map[string]bool{}
	for _, m := range replicas { // each holds all
		for _, repository := range repositories {
			token, err := get(m, repository)
			require.NoError(t, err)
			given[token] = true
		}
	}
	require.Len(t, given, tokens)
	require.Equal(t, tokens, forge.Mints())

	// It is refused everywhere while GitHub hasn't answered yet.
	trips := roundTrips{latency: latency}
	stop := forge.Fail(githubapptest.Rule{Fault: trips.answer})
	forge.ForgetRequests()
	asked := make(chan error, 1)
	began := time.Now()
	go func() { asked <- replicas[1].ReleaseWorkspace(t.Context(), "a") }()
	require.Eventually(t, func() bool { return len(forge.Requests()) > 0 }, 10*time.Second, time.Millisecond)
	requireRefused()
	require.NoError(t, <-asked)
	took := time.Since(began)
	require.Len(t, forge.Requests(), tokens)
	t.Logf("%d tokens are revoked in %d round trips to GitHub, %s at a latency of %s", tokens, trips.inTurn(), took, latency)
	require.LessOrEqual(t, trips.inTurn(), 2)

	requireRefused()
	require.Len(t, forge.Requests(), tokens, "nobody asked for another")
	stop()
	for token := range given {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, forge.URL+"/installation/repositories", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "token "+token)
		req.Header.Set("User-Agent", "test")
		resp, err := forge.Client().Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	}
}
