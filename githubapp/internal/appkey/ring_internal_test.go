package appkey

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// ringOf returns a Ring of a file with generated keys, and them.
func ringOf(t *testing.T, numbers ...int) (r *Ring, file string, keys []*Key) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "app.pem")
	writeKeys(t, file, numbers...)
	r, err := OpenRing(file)
	require.NoError(t, err)
	keys, resting := r.Keys()
	require.Empty(t, prints(resting...))
	return r, file, keys
}

// prints returns the fingerprints of keys, which a failure can show.
func prints(keys ...*Key) []string {
	names := []string{}
	for _, k := range keys {
		names = append(names, k.Fingerprint())
	}
	return names
}

func writeKeys(t *testing.T, file string, numbers ...int) {
	t.Helper()
	var text []byte
	for _, n := range numbers {
		text = append(text, testutil.RSAKeyPEM(t, n)...)
	}
	require.NoError(t, os.WriteFile(file, text, 0o600))
}

func TestAKeyThatFailedComesAfterTheOthersForLonger(t *testing.T) {
	testutil.RSAKeyPEM(t, 1) // real time to make
	synctest.Test(t, func(t *testing.T) {
		r, _, keys := ringOf(t, 0, 1)
		for n, rest := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute} {
			for range 3 { // calls that are under way at the same time
				r.Failed(keys[0])
			}
			time.Sleep(rest - time.Millisecond)
			fresh, resting := r.Keys()
			require.Equal(t, prints(keys[1]), prints(fresh...), n)
			require.Equal(t, prints(keys[0]), prints(resting...), n)
			require.True(t, r.Another(keys[:1]))
			require.False(t, r.Another(keys[1:]), "it rests, and comes after the other")
			time.Sleep(2 * time.Millisecond)
			fresh, resting = r.Keys()
			require.Equal(t, prints(keys[1], keys[0]), prints(fresh...), n)
			require.Empty(t, prints(resting...), n)
		}
		r.Failed(keys[0])
		r.Failed(keys[1])
		_, resting := r.Keys()
		require.Equal(t, prints(keys[1], keys[0]), prints(resting...), "whose rest ends first")
	})
}

func TestTheKeyThatGitHubAcceptedIsTheOneInUse(t *testing.T) {
	r, _, keys := ringOf(t, 0, 1, 2)
	r.Failed(keys[2])
	r.Accepted(keys[2])
	fresh, resting := r.Keys()
	require.Equal(t, prints(keys[2], keys[0], keys[1]), prints(fresh...))
	require.Empty(t, prints(resting...), "what failed before is forgotten")
}

func TestAKeyFileThatChangedBringsItsNewKeys(t *testing.T) {
	testutil.RSAKeyPEM(t, 1)
	synctest.Test(t, func(t *testing.T) {
		r, file, keys := ringOf(t, 0)
		r.Failed(keys[0])
		require.False(t, r.Changed(), "it is the same file")
		writeKeys(t, file, 1, 0)
		require.False(t, r.Changed(), "looked at a moment ago")
		time.Sleep(time.Second)
		require.True(t, r.Changed())
		fresh, resting := r.Keys()
		require.Len(t, fresh, 1)
		require.False(t, fresh[0].Same(keys[0]))
		require.Equal(t, prints(keys...), prints(resting...), "what is known of a key stays, and so does its value")

		require.NoError(t, os.WriteFile(file, testutil.RSAKeyPEM(t, 1)[:700], 0o600))
		time.Sleep(time.Second)
		require.False(t, r.Changed(), "it is just being written")
		require.NoError(t, os.Remove(file))
		_, err := r.Reload()
		require.Error(t, err)
		fresh, _ = r.Keys()
		require.NotEmpty(t, fresh)
	})
}

func TestTheSameKeysInAnotherFileChangeNothing(t *testing.T) {
	r, file, _ := ringOf(t, 0, 1)
	writeKeys(t, file, 1, 0)
	changed, err := r.Reload()
	require.NoError(t, err)
	require.False(t, changed)
	require.False(t, NewRing(slices.Clone([]*Key{r.keys[0].Key})).Changed(), "there is no file")
}
