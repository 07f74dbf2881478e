package redisstore_test

import (
	"context"
	"crypto/rsa"
	"net/http"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/redisstore"
	"github.com/stretchr/testify/require"
)

func TestReplicasOfAnAppShareThroughRedisAndEachReleases(t *testing.T) {
	s := startRedis(t)
	forge, err := githubapptest.NewServer(nil)
	require.NoError(t, err)
	t.Cleanup(forge.Close)
	forge.AddApp(githubapptest.App{ID: 7, Keys: []*rsa.PublicKey{&testutil.RSAKey(t, 0).PublicKey}})
	forge.AddInstallation(githubapptest.Installation{ID: 42, AppID: 7, Account: "acme",
		Repositories: []string{"acme/widgets"}})
	output := testutil.NewCapture(t)
	replica := func() *githubapp.WorkspaceMutator {
		app, err := githubapp.New(githubapp.Options{
			AppID: 7, PrivateKey: testutil.RSAKeyPEM(t,
				0), BaseURL: forge.URL, HTTPClient: forge.Client(), Logger: output.Logger(),
			Store: redisstore.New(s.client(t), nil), SealKeys: [][]byte{sealKey(1)},
		})
		require.NoError(t, err)
		m, err := githubapp.NewWorkspaceMutator(app, func(context.Context, string) (int64, githubapp.Scope, error) {
			return 42, githubapp.Scope{Repositories: []string{"widgets"}}, nil
		}, nil)
		require.NoError(t, err)
		return m
	}
	start := func(m *githubapp.WorkspaceMutator, workspaceID string) string {
		env := map[string]string{}
		require.NoError(t, m.MutateEnv(t.Context(), workspaceID, env))
		output.Secret(env["GH_TOKEN"])
		return env["GH_TOKEN"]
	}
	get := func(m *githubapp.WorkspaceMutator, workspaceID string) string {
		token, _, err := m.WorkspaceToken(t.Context(), workspaceID)
		require.NoError(t, err)
		output.Secret(token)
		return token
	}
	alive := func(token string) bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			forge.URL+"/installation/repositories", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "token "+token)
		req.Header.Set("User-Agent", "test")
		resp, err := forge.Client().Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode == http.StatusOK
	}

	one, two := replica(), replica()
	a, b := start(one, "a"), start(two, "b")
	require.Equal(t, a, get(two, "a"))
	require.Equal(t, b, get(one, "b"))
	require.Equal(t, 2, forge.Mints())

	client := s.client(t)
	keys, err := client.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	require.NotEmpty(t, keys)
	for _, key := range keys {
		value, err := client.Get(t.Context(), key).Result()
		require.NoError(t, err)
		require.Empty(t, testutil.Leak(key+value, a, b, "widgets"))
		ttl, err := client.PTTL(t.Context(), key).Result()
		require.NoError(t, err)
		require.Positive(t, ttl, "%s stays for ever", key)
	}

	require.NoError(t, replica().ReleaseWorkspace(t.Context(), "a"),
		"by a replica that never saw it")
	require.False(t, alive(a))
	require.True(t, alive(b))
	_, _, err = one.WorkspaceToken(t.Context(), "a")
	require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err), "it was released")
	fresh := start(one, "a")
	require.NotEqual(t, a, fresh)
	require.Equal(t, fresh, get(two, "a"))

	s.stop()
	require.Equal(t, b, get(one, "b"), "what is held needs no Redis")
	three := replica()
	require.True(t, alive(get(three, "c")), "Redis that is down costs a mint")
}
