package tokenhttp_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestNoTypePrintsASecret(t *testing.T) {
	key := newKey(t, firstKey, secondKey)
	secrets := []string{string(firstKey), string(secondKey), adminSecret, bearerSecret, tokenSecret}
	admin := adminToken(t, adminSecret)
	both := anyOf(t, admin, key)
	handler, err := tokenhttp.NewHandler(fixed(tokenprovider.Static(tokenSecret)), both, nil)
	require.NoError(t, err)
	opts := tokenhttp.MutatorOptions{BaseURL: "https://platform.example", Key: key, TTL: time.Hour}
	client := &tokenhttp.Client{
		URL:    "https://platform.example/token?secret=" + tokenSecret,
		Bearer: tokenprovider.Static(bearerSecret), HTTPClient: http.DefaultClient,
	}
	client.Invalidate(tokenSecret)
	plain := &tokenhttp.Client{
		URL: "https://platform.example/token", Bearer: tokenprovider.Static(bearerSecret),
	}
	for _, value := range []any{
		key, *key, admin, both, handler, opts, &opts, newMutator(t, opts), plain,
	} {
		testutil.RequireRedacted(t, value, secrets...)
	}
	require.Equal(t, "tokenhttp.Client(https://platform.example/token)", fmt.Sprint(client))
	require.Equal(t, "tokenhttp.Client(not configured)",
		fmt.Sprint(&tokenhttp.Client{URL: "https://u:" + tokenSecret + "@platform.example"}))
}

func TestAWholeLifePrintsNoSecret(t *testing.T) {
	key := newKey(t)
	capture := testutil.CaptureProcess(t, string(firstKey), adminSecret, tokenSecret)
	registry := provisionhook.NewRegistry()
	registry.Register(plugin{
		tokenprovider.NewCache(tokenprovider.Static(tokenSecret),
			&tokenprovider.CacheOptions{Settle: -1, Logger: capture.Logger()}),
	})
	h := newHandler(t, key, tokenhttp.FirstProvider(registry),
		&tokenhttp.Options{Logger: capture.Logger(), Admit: everyone})
	server := serve(t, h)
	m, err := h.Mutator(tokenhttp.MutatorOptions{BaseURL: server.URL, Key: key})
	require.NoError(t, err)
	registry.Register(m)
	env := map[string]string{}
	require.NoError(t, registry.Run(t.Context(), "ws-1", env))
	capture.Secret(env[tokenhttp.EnvBearer])

	c := &tokenhttp.Client{
		URL: env[tokenhttp.EnvURL], Bearer: tokenprovider.Static(env[tokenhttp.EnvBearer]),
	}
	token, _, err := c.Token(t.Context())
	require.NoError(t, err)
	c.Invalidate(token)
	_, _, err = c.Token(t.Context())
	require.NoError(t, err)
	ask(t, server, "GET", "/workspaces/ws-2/token", env[tokenhttp.EnvBearer])
	ask(t, server, "GET", "/workspaces/ws-1/token", env[tokenhttp.EnvBearer]+"x")
	ask(t, server, "GET", "/admin/github-installation-token", adminSecret)
	require.Contains(t, capture.String(), tokenprovider.TokenSHA256(tokenSecret),
		"the log names tokens by their digest")
}
