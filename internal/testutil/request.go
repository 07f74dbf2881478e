package testutil

import (
	"context"
	"net/http"
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
