package tokenprovider_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

// sealed returns what a replica with the given keys stores for secret.
func sealed(t testing.TB, key string, sealKeys ...[]byte) []byte {
	t.Helper()
	store := tokenprovidertest.NewStore()
	p := always(secret, time.Hour)
	shared := newShared(t, p, store,
		func(o *tokenprovider.SharedOptions) { o.Key, o.SealKeys = key, sealKeys })
	requireToken(t, shared, secret)
	value, err := store.Load(t.Context(), key)
	require.NoError(t, err)
	require.NotNil(t, value)
	return value
}

// opens reports whether a replica with the given keys takes secret from what is
// stored, and what it logs.
func opens(t testing.TB, value []byte, sealKeys ...[]byte) (bool, string) {
	t.Helper()
	store := tokenprovidertest.NewStore()
	put(t, store, value)
	var log bytes.Buffer
	shared := newShared(t, &issuer{life: time.Hour}, store, logTo(&log),
		func(o *tokenprovider.SharedOptions) { o.SealKeys = sealKeys })
	token, _, err := shared.Token(t.Context())
	require.NoError(t, err)
	require.Contains(t, []string{secret, "token-1"}, token)
	return token == secret, log.String()
}

func TestSealKeysRotateOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		former, next := sealKey(1), sealKey(2)
		for _, step := range []struct{ writer, reader [][]byte }{
			{[][]byte{former}, [][]byte{former}},
			{[][]byte{former}, [][]byte{former, next}},
			{[][]byte{former, next}, [][]byte{former}},
			{[][]byte{former, next}, [][]byte{next, former}},
			{[][]byte{next, former}, [][]byte{former, next}},
			{[][]byte{next, former}, [][]byte{next}},
			{[][]byte{next}, [][]byte{next, former}},
		} {
			taken, log := opens(t, sealed(t, sharedKey, step.writer...), step.reader...)
			require.True(t, taken)
			require.Empty(t, log)
		}
	})
}

func TestAValueThatCannotBeOpenedIsAbsentAndLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		value := sealed(t, sharedKey, sealKey(1))
		require.Equal(t, byte(1), value[0], "the format")
		wrong := map[string][]byte{
			"another seal key":    sealed(t, sharedKey, sealKey(2)),
			"another key's value": sealed(t, "forge/43", sealKey(1)),
			"an unknown format":   append([]byte{2}, value[1:]...),
			"a longer value":      append(bytes.Clone(value), 0),
			"a token in clear":    []byte(secret),
		}
		for n := 1; n < len(value); n++ { // nothing at all is no value
			wrong[fmt.Sprintf("cut off at byte %d", n)] = value[:n:n]
			flipped := bytes.Clone(value)
			flipped[n] ^= 0x40
			wrong[fmt.Sprintf("changed at byte %d", n)] = flipped
		}
		for name, value := range wrong {
			taken, log := opens(t, value, sealKey(1))
			require.False(t, taken, name)
			require.Contains(t, log, "stored token can't be used", name)
			require.Contains(t, log, "key="+sharedKey, name)
			require.Empty(t, testutil.Leak(log, secret, string(sealKey(1))), name)
		}
	})
}

func TestAValueIsReplacedWhenItCannotBeOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := tokenprovidertest.NewStore()
		put(t, store, []byte("garbage"))
		source := &issuer{life: time.Hour}
		requireToken(t, newShared(t, source, store), "token-1")
		requireToken(t, newShared(t, source, store), "token-1")
	})
}

func TestEachValueIsSealedWithANonceOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other := sealed(t, sharedKey, sealKey(1)), sealed(t, sharedKey, sealKey(1))
		require.NotEqual(t, one[1:13], other[1:13])
		require.NotEqual(t, one[13:], other[13:])
		require.Empty(t, testutil.Leak(string(one), secret))
	})
}

func TestSealKeysAreCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, key := tokenprovidertest.NewStore(), sealKey(1)
		keys := [][]byte{key}
		source := &issuer{life: time.Hour}
		shared := newShared(t, source, store,
			func(o *tokenprovider.SharedOptions) { o.SealKeys = keys })
		clear(key)
		keys[0] = sealKey(9)
		requireToken(t, shared, "token-1")
		requireToken(t, newShared(t, source, store), "token-1")
	})
}

func TestATokenFromAnotherClockIsNotTaken(t *testing.T) {
	for name, c := range map[string]struct {
		ahead time.Duration
		taken bool
	}{
		"a second ahead":      {time.Second, true},
		"a minute ahead":      {time.Minute, true},
		"more than a minute":  {time.Minute + time.Second, false},
		"a minute behind":     {-time.Minute, true},
		"half an hour behind": {-30 * time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			var value []byte
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Hour + c.ahead)
				value = sealed(t, sharedKey, sealKey(1))
			})
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Hour)
				taken, log := opens(t, value, sealKey(1))
				require.Equal(t, c.taken, taken)
				if !c.taken {
					require.Contains(t, log, "minted 1m1s in the future by this machine's clock")
				}
			})
		})
	}
}

func TestASharedPrintsNeitherTokenNorSealKey(t *testing.T) {
	output := testutil.CaptureProcess(t, secret)
	synctest.Test(t, func(t *testing.T) {
		key := []byte("a seal key of 32 bytes, in ASCII")
		output.Secret(string(key))
		opts := tokenprovider.SharedOptions{Key: sharedKey, SealKeys: [][]byte{key, sealKey(2)},
			Logger: output.Logger()}
		testutil.RequireRedactedDirectly(t, opts, secret, string(key))
		testutil.RequireRedactedDirectly(t, &opts, secret, string(key))

		p := always(secret, time.Hour)
		store := tokenprovidertest.NewStore()
		shared, err := tokenprovider.NewShared(p, store, opts)
		require.NoError(t, err)
		requireToken(t, shared, secret)
		requireToken(t, shared, secret)
		require.True(t, shared.Invalidate(secret))
		testutil.RequireRedacted(t, shared, secret, string(key))
		testutil.RequireRedactedDirectly(t, store, secret, string(key))

		// A store that panics with what it was given: only the type of it may
		// be told.
		panics := newFaulty("lock", func(context.Context) error { panic("panic: " + secret) })
		shared, err = tokenprovider.NewShared(p, panics, opts)
		require.NoError(t, err)
		requireToken(t, shared, secret)
	})
	require.Contains(t, output.String(), "stored token taken")
	require.Contains(t, output.String(), "stored token invalidated")
	require.Contains(t, output.String(), "token store panicked")
}

// FuzzStoredValue changes a sealed value in one place, cuts it off and appends
// to it: what isn't the value as it was sealed gives no token.
func FuzzStoredValue(f *testing.F) {
	value := sealed(f, sharedKey, sealKey(1))
	f.Add(uint16(0), byte(0), uint16(len(value)), []byte(nil))
	f.Add(uint16(0), byte(1), uint16(len(value)), []byte(nil))
	f.Add(uint16(13), byte(0x80), uint16(len(value)), []byte(nil))
	f.Add(uint16(0), byte(0), uint16(len(value)), []byte{0})
	f.Add(uint16(0), byte(0), uint16(1), []byte(`{"token":"`+secret+`"}`))
	f.Add(uint16(0), byte(0), uint16(0), []byte(secret))
	f.Fuzz(func(t *testing.T, at uint16, flip byte, cut uint16, tail []byte) {
		changed := bytes.Clone(value)
		changed[int(at)%len(changed)] ^= flip
		changed = append(changed[:min(int(cut), len(changed))], tail...)
		taken, log := opens(t, changed, sealKey(1))
		require.Equal(t, bytes.Equal(changed, value), taken)
		require.Empty(t, testutil.Leak(log, secret, string(sealKey(1))))
	})
}
