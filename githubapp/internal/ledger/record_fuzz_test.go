package ledger

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzRecord has values opened that somebody wrote into the Store: they are no
// record, and leave nobody without an answer.
func FuzzRecord(f *testing.F) {
	l := New(Config{SealKeys: [][]byte{bytes.Repeat([]byte{7}, 32)}, TokenLife: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	own := &record{Generation: "g", Tokens: []entry{{Token: "token", ExpiresAt: time.Now().Add(24 * time.Hour)}}}
	f.Add([]byte{}, []byte(`{"generation":"g"}`))
	f.Add(l.seal("key", own), []byte(`{"generation":"g","released":true,"tokens":[{"token":"t","owed":true}]}`))
	f.Add(l.seal("another key", own), []byte(`{"tokens":null,"dated":"2026-01-01T00:00:00Z"}`))
	f.Add([]byte("not sealed"), []byte(`[]`))
	f.Fuzz(func(t *testing.T, value, plain []byte) {
		r, err := l.unseal("key", value)
		if err != nil {
			require.Equal(t, ErrSealed, err)
			require.Nil(t, r)
		} else if value != nil {
			require.True(t, r.has("token"), "only what was sealed for this key opens")
		}
		r, err = l.unseal("key", l.sealer.Seal(plain, "key")) // by a replica of another version
		if err != nil {
			require.Equal(t, ErrSealed, err)
			return
		}
		again, err := l.unseal("key", l.seal("key", r.released("next")))
		require.NoError(t, err)
		require.True(t, again.Released)
		require.Equal(t, len(again.Tokens), len(again.owed()))
	})
}
