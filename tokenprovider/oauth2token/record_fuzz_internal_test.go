package oauth2token

import (
	"bytes"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/seal"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// FuzzRecord has records read that somebody wrote into the store: what isn't
// one is no record, and one that is one stays what it is by what is done with
// it.
func FuzzRecord(f *testing.F) {
	sealer, err := seal.New("keys", [][]byte{bytes.Repeat([]byte{7}, 32)})
	require.NoError(f, err)
	s := &settings{sealer: sealer}
	own := &record{Chain: "c", Refresh: "own"}
	f.Add([]byte{}, []byte(`{"chain":"c","refresh":"r"}`))
	f.Add(s.seal("key", own), []byte(`{"chain":"c","refresh":"r","access":"a","expires_at":"2026-01-01T00:00:00Z","life":7200000000000,"attempt":"x","unsure":true}`))
	f.Add(s.seal("another key", own), []byte(`{"chain":"c","access":"a"}`))
	f.Add([]byte("not sealed"), []byte(`{"chain":"c","refused":true}`))
	f.Add([]byte{1}, []byte(`[]`))
	f.Fuzz(func(t *testing.T, value, plain []byte) {
		r, err := s.unseal("key", value)
		if err != nil {
			require.Equal(t, errSealed, err)
			require.Nil(t, r)
		} else if len(value) > 0 {
			require.Equal(t, "own", r.Refresh, "only what was sealed for this key opens")
		}
		r, err = s.unseal("key", sealer.Seal(plain, "key")) // by a replica of another version
		if err != nil {
			require.Equal(t, errSealed, err)
			return
		}
		now := time.Now()
		require.True(t, r.left(now) == 0 || r.Access != "")
		require.False(t, r.suffices(now, 0) && r.left(now) == 0)
		for _, next := range []*record{
			r, r.rested(r.Unsure), r.brought(&oauth2.Token{AccessToken: "a", RefreshToken: "n", Expiry: now.Add(time.Hour)}, now),
		} {
			again, err := s.unseal("key", s.seal("key", next))
			require.NoError(t, err)
			require.True(t, again.ExpiresAt.Equal(next.ExpiresAt))
			again.ExpiresAt = next.ExpiresAt
			require.Equal(t, next, again)
		}
	})
}
