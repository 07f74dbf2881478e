package seal_test

import (
	"bytes"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/seal"
	"github.com/stretchr/testify/require"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, seal.KeySize) }

func newSealer(t *testing.T, keys ...[]byte) *seal.Sealer {
	s, err := seal.New("Options.SealKeys", keys)
	require.NoError(t, err)
	return s
}

func TestWhatWasSealedOpensUnderItsNameAlone(t *testing.T) {
	s := newSealer(t, key(1))
	sealed := s.Seal([]byte("plain"), "name")
	require.NotContains(t, string(sealed), "plain")
	plain, err := s.Open(sealed, "name")
	require.NoError(t, err)
	require.Equal(t, "plain", string(plain))

	_, err = s.Open(sealed, "another")
	require.ErrorIs(t, err, seal.ErrKey)
	require.NotEqual(t, sealed, s.Seal([]byte("plain"), "name"), "the nonce is random")
}

func TestKeysAreRotatedByPuttingTheNewOneFirst(t *testing.T) {
	before, during, after := newSealer(t, key(1)), newSealer(t, key(2), key(1)), newSealer(t, key(2))
	plain, err := during.Open(before.Seal([]byte("old"), "name"), "name")
	require.NoError(t, err)
	require.Equal(t, "old", string(plain))
	plain, err = after.Open(during.Seal([]byte("new"), "name"), "name")
	require.NoError(t, err)
	require.Equal(t, "new", string(plain))
	_, err = after.Open(before.Seal([]byte("old"), "name"), "name")
	require.ErrorIs(t, err, seal.ErrKey)
}

func TestNewNamesTheKeyThatIsMissingOrMalformed(t *testing.T) {
	for says, keys := range map[string][][]byte{
		"Options.SealKeys is empty; give at least one key of 32 random bytes": nil,
		"Options.SealKeys[1] has 31 bytes; it must be 32 random bytes":        {key(1), key(1)[:31]},
		"Options.SealKeys[0] has 0 bytes; it must be 32 random bytes":         {nil},
	} {
		_, err := seal.New("Options.SealKeys", keys)
		require.EqualError(t, err, says)
	}
}

func TestKeysAreCopied(t *testing.T) {
	k := key(1)
	s := newSealer(t, k)
	k[0] = 9
	plain, err := newSealer(t, key(1)).Open(s.Seal([]byte("plain"), "name"), "name")
	require.NoError(t, err)
	require.Equal(t, "plain", string(plain))
}

func FuzzOpenTakesWhatWasSealedAndNothingElse(f *testing.F) {
	s, err := seal.New("keys", [][]byte{key(1)})
	require.NoError(f, err)
	f.Add([]byte{}, "name")
	f.Add([]byte{1}, "name")
	f.Add([]byte{2, 3, 4}, "")
	f.Add(s.Seal([]byte("plain"), "name"), "other")
	f.Fuzz(func(t *testing.T, value []byte, name string) {
		_, err := s.Open(value, name)
		require.Error(t, err)

		sealed := s.Seal(value, name)
		plain, err := s.Open(sealed, name)
		require.NoError(t, err)
		require.True(t, bytes.Equal(value, plain))
		for i := range sealed {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1
			_, err := s.Open(changed, name)
			require.Error(t, err)
		}
	})
}
