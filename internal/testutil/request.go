package testutil

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// NewRequest returns a request with an Authorization header, unless that is "",
// and with more headers as pairs of a name and a value.
func NewRequest(
	ctx context.Context, t testing.TB, method, url, authorization, body string, headers ...string,
) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	require.NoError(t, err)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	for n := 0; n < len(headers); n += 2 {
		req.Header.Set(headers[n], headers[n+1])
	}
	return req
}

// Ask sends a request with bearer, none if it is "", to a path of server, and
// returns the answer. It follows no redirect.
func Ask(
	t testing.TB, server *httptest.Server, method, path, bearer string, change ...func(*http.Request),
) (status int, body string, header http.Header) {
	t.Helper()
	authorization := ""
	if bearer != "" {
		authorization = "Bearer " + bearer
	}
	req := NewRequest(t.Context(), t, method, server.URL+path, authorization, "")
	for _, f := range change {
		f(req)
	}
	client := *server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(content), resp.Header
}
