package peerbench

import (
	"context"
	"crypto/rsa"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

const (
	coldInstallations = 1000
	coldParallel      = 16
	firstInstallation = 1000
)

// forge is a fake GitHub with a thousand installations of one app, and a transport that keeps a connection for each
// request that is under way, which both libraries use.
func forge(b *testing.B) (*githubapptest.Server, *http.Transport) {
	s, err := githubapptest.NewServer(nil)
	require.NoError(b, err)
	b.Cleanup(s.Close)
	s.AddApp(githubapptest.App{ID: 7, Keys: []*rsa.PublicKey{&testutil.RSAKey(b, 0).PublicKey}})
	for n := range coldInstallations {
		s.AddInstallation(githubapptest.Installation{ID: int64(firstInstallation + n), AppID: 7, Account: fmt.Sprint("org", n)})
	}
	t := &http.Transport{MaxIdleConnsPerHost: coldParallel}
	b.Cleanup(t.CloseIdleConnections)
	return s, t
}

// fromCold gets a token of every installation, some at a time, and tells how long that took.
func fromCold(b *testing.B, token func(ctx context.Context, id int64) (string, error)) time.Duration {
	started := time.Now()
	var workers sync.WaitGroup
	for w := range coldParallel {
		workers.Go(func() {
			for n := w; n < coldInstallations; n += coldParallel {
				if _, err := token(b.Context(), int64(firstInstallation+n)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	workers.Wait()
	return time.Since(started)
}

// BenchmarkColdStart mints for a thousand installations from cold, 16 at a time, by turns with ghinstallation on the
// same fake and over the same connections. x-ghinstallation is how many times as long that takes.
func BenchmarkColdStart(b *testing.B) {
	s, transport := forge(b)
	key := testutil.RSAKeyPEM(b, 0)
	var ours, theirs time.Duration
	signatures := 0
	for b.Loop() {
		before := s.Signatures()
		app, err := githubapp.New(githubapp.Options{AppID: 7, PrivateKey: key, BaseURL: s.URL, HTTPClient: &http.Client{Transport: transport}})
		require.NoError(b, err)
		ours += fromCold(b, func(ctx context.Context, id int64) (string, error) {
			token, _, err := app.Installation(id).Token(ctx)
			return token, err
		})
		signatures = max(signatures, s.Signatures()-before)
		s.ForgetRequests()

		apps, err := ghinstallation.NewAppsTransport(transport, 7, key)
		require.NoError(b, err)
		apps.BaseURL = s.URL
		theirs += fromCold(b, func(ctx context.Context, id int64) (string, error) {
			return ghinstallation.NewFromAppsTransport(apps, id).Token(ctx)
		})
		s.ForgetRequests()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(theirs)/float64(ours), "x-ghinstallation")
	b.ReportMetric(coldInstallations*float64(b.N)/ours.Seconds(), "mints/s")
	b.ReportMetric(float64(signatures), "signatures")
}
