package apiclient

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/appkey"
	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// newClient returns a Client of a GitHub Enterprise Server that answers as
// serve does.
func newClient(t *testing.T, serve transport) *Client {
	t.Helper()
	key, err := appkey.New(testutil.RSAKey(t, 0))
	require.NoError(t, err)
	return New(Config{
		App:        "7",
		Keys:       appkey.NewRing([]*appkey.Key{key}),
		BaseURL:    &url.URL{Scheme: "https", Host: "ghe.example.com", Path: "/api/v3"},
		HTTPClient: &http.Client{Transport: serve},
		Timeout:    time.Minute,
		Logger:     foreign.Logger(nil),
	})
}

func TestCredentialsAreForTheSchemeHostPortAndPathOfTheBase(t *testing.T) {
	c := newClient(t, nil)
	for text, want := range map[string]bool{
		"https://ghe.example.com/api/v3/app":              true,
		"https://GHE.example.com/api/v3/repositories/1":   true,
		"http://ghe.example.com/api/v3/app":               false,
		"https://ghe.example.com:8443/api/v3/app":         false,
		"https://api.ghe.example.com/api/v3/app":          false,
		"https://ghe.example.com.evil.example/api/v3/app": false,
		"https://x@ghe.example.com/api/v3/app":            false,
		"https://ghe.example.com/app":                     false,
		"https://ghe.example.com/api/v33/app":             false,
	} {
		u, err := url.Parse(text)
		require.NoError(t, err)
		require.Equal(t, want, c.serves(u), text)
	}
}

func TestACredentialThatGitHubRepeatsIsRedactedWhateverItsForm(t *testing.T) {
	require.Equal(t, "no: [redacted]!", Redact("no: v1.0123456789abcdef!", "v1.0123456789abcdef"))
}

// endless is a body that has no end, and counts what is read of it.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) { e.read += int64(len(p)); return len(p), nil }
func (e *endless) Close() error               { return nil }

func TestNoMoreOfAnAnswerIsReadThanItsBound(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		limit  int64
		want   int64
	}{
		"a bound of its own":                 {http.StatusCreated, 8 << 20, 8 << 20},
		"no bound of its own":                {http.StatusCreated, 0, 1 << 20},
		"a refusal, with a bound of its own": {http.StatusForbidden, 8 << 20, 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			body := new(endless)
			client := newClient(t, func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: c.status, Header: http.Header{}, Body: body}, nil
			})
			_, err := client.send(t.Context(), Request{Method: http.MethodPost, Path: "/x", Want: http.StatusCreated, Limit: c.limit}, "t")
			require.Error(t, err)
			require.LessOrEqual(t, body.read, c.want+512, "beyond the bound")
		})
	}
}
