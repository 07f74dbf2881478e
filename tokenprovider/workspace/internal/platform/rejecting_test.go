package platform

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/stretchr/testify/require"
)

func TestARequestTellsOfTheLastRefusedTokensNewestFirst(t *testing.T) {
	var digests, told []string
	for n := range wire.MaxRejected + 4 {
		digests = append(digests, fmt.Sprint("digest", n))
	}
	base := transport(func(req *http.Request) (*http.Response, error) {
		told = req.Header.Values(wire.RejectedHeader)
		return &http.Response{Body: http.NoBody}, nil
	})
	req, err := http.NewRequest(http.MethodGet, "https://platform.example", http.NoBody)
	require.NoError(t, err)
	for _, c := range []struct{ digests, told []string }{
		{nil, nil},
		{[]string{"a", "b\r\nX: y", "", "c"}, []string{"a", "c"}},
		{digests, digests[:wire.MaxRejected]},
	} {
		_, err = rejecting{base, c.digests}.RoundTrip(req)
		require.NoError(t, err)
		require.Equal(t, c.told, told)
	}
	require.Empty(t, req.Header, "the caller's request stays as it is")
}
