package tokenhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// westOf9999 is in the year 9999 where it was made and in the year after it in
// UTC.
var westOf9999 = time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -5*60*60))

func TestAnExpiryBeyondRFC3339IsOnTheWireAsTheLastThatItHas(t *testing.T) {
	key := newKey(t)
	const last = "9999-12-31T23:59:59Z"
	for _, expiresAt := range []time.Time{
		time.Unix(1<<62, 0), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), westOf9999,
	} {
		var log bytes.Buffer
		var records []tokenhttp.AuditRecord
		server := serve(t, newHandler(t, key, fixed(leased(tokenSecret, expiresAt)), &tokenhttp.Options{
			Logger: slog.New(slog.NewJSONHandler(&log, nil)),
			Audit:  func(_ context.Context, r tokenhttp.AuditRecord) { records = append(records, r) },
		}))
		got := ask(t, server, "GET", workspacePath("ws-1"), issue(t, key, "ws-1"))
		require.Equal(t, 200, got.status, got.body)
		var body struct {
			ExpiresAt string `json:"expires_at"`
		}
		require.NoError(t, json.Unmarshal([]byte(got.body), &body))
		require.Equal(t, last, body.ExpiresAt)
		require.Contains(t, log.String(), `"expires_at":"`+last+`"`)
		require.Len(t, records, 1)

		c := &tokenhttp.Client{
			URL:    server.URL + workspacePath("ws-1"),
			Bearer: tokenprovider.Static(issue(t, key, "ws-1")),
		}
		token, until, err := c.Token(t.Context())
		require.NoError(t, err)
		require.Equal(t, tokenSecret, token)
		require.Equal(t, last, until.Format(time.RFC3339))
	}
	foreign := serveDirectly(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"token":"` + tokenSecret + `","expires_at":"` + westOf9999.Format(time.RFC3339) + `"}`))
	}))
	_, until, err := (&tokenhttp.Client{
		URL: foreign.URL, Bearer: tokenprovider.Static("bearer"),
	}).Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, last, until.Format(time.RFC3339), "what is kept on disk as JSON")

	got := ask(t,
		serve(t, newHandler(t, key, fixed(leased(tokenSecret, time.Unix(-1<<60, 0))), nil)), "GET",
		workspacePath("ws-1"), issue(t, key, "ws-1"))
	require.Equal(t, 500, got.status)
	require.Contains(t, got.body, `"code":"internal"`)
}
