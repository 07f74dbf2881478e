package broker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/examples/plugin/broker"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/provisionhook/provisionhooktest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

// The compiler says at once when the plugin has stopped being what it should
// be.
var (
	_ provisionhook.EnvMutator    = (*broker.Plugin)(nil)
	_ tokenprovider.TokenProvider = (*broker.Plugin)(nil)
)

const key = "the-key-of-the-platform-0123456789"

// start starts a broker whose tokens live for an hour.
func start(t *testing.T) *httptest.Server {
	var issued atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := r.Header.Get("Authorization")
		if r.Method != http.MethodPost || r.URL.Path != "/token" || given != "Bearer "+key {
			http.Error(w, "refused: "+given, http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"token":      fmt.Sprintf("forge-token-of-the-broker-%d", issued.Add(1)),
			"expires_at": time.Now().Add(time.Hour),
		})
	}))
	t.Cleanup(server.Close)
	return server
}

func plugin(t *testing.T) *broker.Plugin {
	p, err := broker.New(start(t).URL, key)
	require.NoError(t, err)
	return p
}

func TestThePluginIsAMutator(t *testing.T) {
	provisionhooktest.Run(t, func(t *testing.T) provisionhook.EnvMutator { return plugin(t) })
}

func TestThePluginIsATokenProvider(t *testing.T) {
	tokenprovidertest.Run(t, func(t *testing.T) tokenprovider.TokenProvider { return plugin(t) })
}

func TestThePlatformFindsThePluginsToken(t *testing.T) {
	reg := provisionhook.NewRegistry()
	reg.Register(plugin(t))
	env := map[string]string{}
	require.NoError(t, reg.Run(t.Context(), "ws-1", env))
	require.Equal(t, "forge-token-of-the-broker-1", env["FORGE_TOKEN"])

	tokens := tokenprovider.NewCache(reg.FirstTokenProvider(), nil)
	for range 10 {
		token, _, err := tokens.Token(t.Context())
		require.NoError(t, err)
		require.Equal(t, "forge-token-of-the-broker-2", token)
	}
}

func TestARefusalNamesTheStatusAndNoSecret(t *testing.T) {
	output := testutil.CaptureProcess(t, key)
	p, err := broker.New(start(t).URL, key+"x")
	require.NoError(t, err)
	_, _, err = p.Token(t.Context())
	require.ErrorContains(t, err, "401 Unauthorized")
	fmt.Fprintln(output, err)
	testutil.RequireRedacted(t, p, key)

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = plugin(t).Token(cancelled)
	require.ErrorIs(t, err, context.Canceled)
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	for url, text := range map[string]string{
		"":                                 "must be absolute",
		"broker.example":                   "must be absolute",
		"https://user:pass@broker.example": "without a user",
		"http://broker.example":            "must be https",
		"ftp://127.0.0.1":                  "must be https",
	} {
		_, err := broker.New(url, key)
		require.ErrorContains(t, err, text)
		require.NotContains(t, err.Error(), "pass@")
	}
	_, err := broker.New("http://[::1]:8080", key)
	require.NoError(t, err)
	_, err = broker.New("https://broker.example", "")
	require.ErrorContains(t, err, "key is empty")
}
