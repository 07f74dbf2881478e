package platform

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/stretchr/testify/require"
)

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) { return t(req) }

func TestASlowPlatformIsWaitedForNoLongerThanTheTokenOnDiskAllows(t *testing.T) {
	for name, c := range map[string]struct {
		left, takes time.Duration // of the token on disk; of the platform's answer
		want        string
		waited      time.Duration
	}{
		"in time":                      {time.Minute, hurry - 1, "ghs_fresh", hurry - 1},
		"too slow":                     {time.Minute, hurry + 1, "ghs_held", hurry},
		"too slow, a nanosecond spare": {hurry + 1, hurry + 1, "ghs_held", hurry},
		"nothing to go back to":        {hurry, hurry + 1, "ghs_fresh", hurry + 1},
		"nearly nothing":               {time.Second, 2 * hurry, "ghs_fresh", 2 * hurry},
	} {
		folder := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			d := openDisk(func(name string) string { return map[string]string{"TMPDIR": folder}[name] }, "url", "subject")
			if d == nil {
				t.Skip("nothing is kept on this system")
			}
			began := time.Now()
			require.NoError(t,
				d.save(record{token: secret.New("ghs_held"), fetchedAt: began.Add(-time.Hour), expiresAt: began.Add(c.left)}))
			b := &Bearer{inline: secret.New("bearer"), disk: d}
			s := &Source{bearer: b, disk: d, endpoint: config.Endpoint{URL: "https://platform.example/token"}}
			s.transport = transport(func(req *http.Request) (*http.Response, error) {
				select {
				case <-time.After(c.takes):
				case <-req.Context().Done():
					return nil, req.Context().Err()
				}
				expiresAt := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
				answer := `{"token":"ghs_fresh","expires_at":"` + expiresAt + `"}`
				return &http.Response{
					StatusCode: http.StatusOK, Header: http.Header{
						"Content-Type": {"application/json"},
					},
					ContentLength: int64(len(answer)),
					Body:          io.NopCloser(strings.NewReader(answer)), Request: req,
				}, nil
			})
			defer s.Close()
			token, _, err := s.Token(tokenprovider.WithMinTTL(t.Context(), 10*time.Minute))
			require.NoError(t, err, name)
			require.Equal(t, c.want, token, name)
			require.Equal(t, c.waited, time.Since(began), name)
		})
	}
}
