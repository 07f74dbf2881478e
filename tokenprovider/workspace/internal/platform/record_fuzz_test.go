package platform

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzRecord reads whatever may stand in the file: it is no record, or one that
// is read again as it was written, and it serves only a token that is there and
// lives.
func FuzzRecord(f *testing.F) {
	whole, err := held(time.Hour, time.Minute).encode("key")
	require.NoError(f, err)
	for _, seed := range []string{
		string(whole), `{"version":1,"key":"key","rejected":["x","","x"]}`,
		`{"version":1,"key":"key","rejected":"x"}`, string(whole[:len(whole)-1]), "", "null", "[]",
		"{}", `{"version":1}`, `{"version":1,"key":"key"}`, `{"version":2,"key":"key","token":"x"}`,
		`{"version":1,"key":"key","token":"x"}`,
		`{"version":1,"key":"key","token":"x","expires_at":"2031-01-01T00:00:00Z"}`,
		`{"version":1,"key":"key","token":"","expires_at":"9999-12-31T23:59:59Z","retry_at":"9999-12-31T23:59:59Z","failed_at":"0001-01-01T00:00:00Z"}`,
		`{"version":1,"key":"key","token":"x","expires_at":"2031-01-01T00:00:00+23:59","fetched_at":"0000-01-01T00:00:00Z"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		r, _ := decodeRecord(content, "key")
		_, ok := decodeRecord(content, "another")
		require.False(t, ok, "a record of another workspace")
		if r.serves(10*time.Minute, noon) || r.serves(0, noon) {
			require.NotEmpty(t, r.token.Reveal())
			require.True(t, noon.Before(r.expiresAt))
		}
		again, err := r.encode("key")
		if err != nil { // a time that can be read and not be written
			return
		}
		read, ok := decodeRecord(again, "key")
		require.True(t, ok)
		require.Equal(t, r.token.Reveal(), read.token.Reveal())
		require.True(t, r.expiresAt.Equal(read.expiresAt))
	})
}
