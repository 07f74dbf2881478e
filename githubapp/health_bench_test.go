package githubapp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/provisionhook/statuspage"
	"github.com/stretchr/testify/require"
)

// health returns what asks for the health of a platform with that many
// workspaces.
func health(tb testing.TB, workspaces int) func() {
	app, err := githubapp.New(githubapp.Options{
		AppID: appID, PrivateKey: testutil.RSAKeyPEM(tb, 0), HTTPClient: &http.Client{Transport: roundTripper(canned)},
	})
	if err != nil {
		tb.Fatal(err)
	}
	m := newWorkspaceMutator(tb, app, func(context.Context, string) (int64, githubapp.Scope, error) {
		return installationID, githubapp.Scope{}, nil
	}, nil)
	for n := range workspaces {
		if err := m.MutateEnv(tb.Context(), fmt.Sprint(n), map[string]string{}); err != nil {
			tb.Fatal(err)
		}
	}
	registry := provisionhook.NewRegistry()
	registry.Register(m)
	h, r := statuspage.Health(registry), httptest.NewRequest(http.MethodGet, "/healthz", nil)
	return func() { h.ServeHTTP(httptest.NewRecorder(), r) }
}

// Anybody may ask for it: what follows the number of workspaces costs 300 times
// as much here.
func TestHealthCostsTheSameForAnyNumberOfWorkspaces(t *testing.T) {
	few, many := health(t, 10), health(t, 3000)
	least := map[string]time.Duration{"few": time.Hour, "many": time.Hour}
	for range 200 {
		for name, ask := range map[string]func(){"few": few, "many": many} {
			began := time.Now()
			ask()
			least[name] = min(least[name], time.Since(began))
		}
	}
	require.Less(t, least["many"], 20*least["few"])
}

// BenchmarkHealth asks by turns for the health of a platform with ten workspaces
// and of one with 100,000. x-ten is the ratio.
func BenchmarkHealth(b *testing.B) {
	few, many := health(b, 10), health(b, 100_000)
	var ten, all time.Duration
	took := func(f func()) time.Duration {
		began := time.Now()
		for range 100 {
			f()
		}
		return time.Since(began)
	}
	b.ReportAllocs()
	for b.Loop() {
		ten += took(few)
		all += took(many)
	}
	b.ReportMetric(float64(all)/float64(ten), "x-ten")
}
