package workloadid_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// pool is a platform whose pods wait for somebody to claim them.
type pool struct {
	mu      sync.Mutex
	claimed map[string]string // by pod, for whom
}

func (p *pool) claim(pod, owner string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claimed[pod] = owner
}

func (p *pool) source(_ context.Context, who tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	owner := p.claimed[who.WorkspaceID]
	if owner == "" {
		return nil, tokenhttp.ErrForbidden
	}
	return tokenprovider.Static("token-of-" + owner), nil
}

// inPool serves a pool to pods of a cluster, and returns what a pod's environment
// has and its client, whose bearer a kubelet writes.
func inPool(t *testing.T, p *pool, cluster *testCluster, k *kubelet) (map[string]string, *tokenhttp.Client) {
	t.Helper()
	tokens, err := tokenhttp.NewHandler(p.source, newReview(t, reviewOptions(cluster)), nil)
	require.NoError(t, err)
	server := httptest.NewServer(tokens)
	t.Cleanup(server.Close)
	endpoint, err := tokens.Mutator(tokenhttp.MutatorOptions{BaseURL: server.URL, BearerFile: k.path("token")})
	require.NoError(t, err)
	env, files := map[string]string{}, map[string][]byte{}
	require.NoError(t, endpoint.MutateEnv(t.Context(), "ws-1", env))
	require.NoError(t, endpoint.MutateFiles(t.Context(), "ws-1", files))
	require.Empty(t, files)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return env, &tokenhttp.Client{
		URL: env[tokenhttp.EnvURL], Bearer: tokenprovider.File(env[tokenhttp.EnvBearerFile]),
		HTTPClient: &http.Client{Transport: transport},
	}
}

func TestAPodIsClaimedAfterItHasStarted(t *testing.T) {
	cluster := newCluster(t)
	k := newKubelet(t, map[string]string{"token": cluster.Token("agents", "ws-1", audience, nil)})
	p := &pool{claimed: map[string]string{}}
	env, client := inPool(t, p, cluster, k)
	require.Len(t, env, 2, "the address, and where the token is: %v", env)

	_, _, err := client.Token(t.Context())
	require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err), "nobody has claimed it")
	p.claim("ws-1", "ann")
	token, _, err := client.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, "token-of-ann", token)
	p.claim("ws-1", "bob")
	token, _, err = client.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, "token-of-bob", token)
}

func TestAPodsTokenIsReplacedUnderLoad(t *testing.T) {
	cluster := newCluster(t)
	next := func(n int) map[string]string {
		return map[string]string{"token": cluster.Token("agents", "ws-1", audience, map[string]any{"jti": fmt.Sprint(n)})}
	}
	k := newKubelet(t, next(0))
	p := &pool{claimed: map[string]string{"ws-1": "ann"}}
	_, client := inPool(t, p, cluster, k)
	calls := underLoad(t, func() error {
		_, _, err := client.Token(t.Context())
		if tokenprovider.CodeOf(err) == tokenprovider.CodeNotConfigured { // between two folders; the command waits then
			_, _, err = client.Token(t.Context())
		}
		return err
	}, func() {
		for n := range 50 {
			k.write(t, next(n+1))
			_, _, err := client.Token(t.Context())
			require.NoError(t, err)
		}
	})
	require.Positive(t, calls)
	require.LessOrEqual(t, cluster.Reviews(), 60, "a question for each token")
}
