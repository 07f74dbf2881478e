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
)

// BenchmarkHealth asks by turns for the health of a platform with ten workspaces
// and of one with 100,000. x-ten is the ratio.
func BenchmarkHealth(b *testing.B) {
	health := func(workspaces int) func() {
		app, err := githubapp.New(githubapp.Options{
			AppID: appID, PrivateKey: testutil.RSAKeyPEM(b, 0), HTTPClient: &http.Client{Transport: roundTripper(canned)},
		})
		if err != nil {
			b.Fatal(err)
		}
		m := newWorkspaceMutator(b, app, func(context.Context, string) (int64, githubapp.Scope, error) {
			return installationID, githubapp.Scope{}, nil
		}, nil)
		for n := range workspaces {
			if err := m.MutateEnv(b.Context(), fmt.Sprint(n), map[string]string{}); err != nil {
				b.Fatal(err)
			}
		}
		registry := provisionhook.NewRegistry()
		registry.Register(m)
		h, r := statuspage.Health(registry), httptest.NewRequest(http.MethodGet, "/healthz", nil)
		return func() { h.ServeHTTP(httptest.NewRecorder(), r) }
	}
	few, many := health(10), health(100_000)
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
