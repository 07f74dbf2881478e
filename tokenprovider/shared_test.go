package tokenprovider_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

const sharedKey = "forge/42"

// sealKey returns a key of 32 bytes, another one for each n.
func sealKey(n byte) []byte { return bytes.Repeat([]byte{n}, 32) }

// newShared returns a replica with defaults but for what change says.
func newShared(t testing.TB, p tokenprovider.TokenProvider, s tokenprovider.Store,
	change ...func(*tokenprovider.SharedOptions)) *tokenprovider.Shared {
	t.Helper()
	opts := tokenprovider.SharedOptions{Key: sharedKey, SealKeys: [][]byte{sealKey(1)}}
	for _, c := range change {
		c(&opts)
	}
	shared, err := tokenprovider.NewShared(p, s, opts)
	require.NoError(t, err)
	return shared
}

func logTo(output *bytes.Buffer) func(*tokenprovider.SharedOptions) {
	return func(o *tokenprovider.SharedOptions) {
		o.Logger = slog.New(slog.NewTextHandler(output, nil))
	}
}

func asking(t *testing.T, d time.Duration) context.Context {
	return tokenprovider.WithMinTTL(t.Context(), d)
}

func TestNewSharedNamesWhatIsWrong(t *testing.T) {
	p, s := tokenprovider.Static("token"), tokenprovidertest.NewStore()
	for want, opts := range map[string]tokenprovider.SharedOptions{
		"SharedOptions.Key is empty":                {SealKeys: [][]byte{sealKey(1)}},
		"SharedOptions.SealKeys is empty":           {Key: "key"},
		"SharedOptions.SealKeys[0] has 0 bytes":     {Key: "key", SealKeys: [][]byte{nil}},
		"SharedOptions.SealKeys[1] has 16 bytes":    {Key: "key", SealKeys: [][]byte{sealKey(1), sealKey(2)[:16]}},
		"SharedOptions.SealKeys[2] has 33 bytes":    {Key: "key", SealKeys: [][]byte{sealKey(1), sealKey(2), append(sealKey(3), 0)}},
		"it must be 32 random bytes":                {Key: "key", SealKeys: [][]byte{sealKey(1)[:31]}},
		"give at least one key of 32 random bytes":  {Key: "key", SealKeys: [][]byte{}},
		"so that no other one is taken for it":      {},
		"tokenprovider: SharedOptions.SealKeys[0] ": {Key: "key", SealKeys: [][]byte{make([]byte, 64)}},
	} {
		_, err := tokenprovider.NewShared(p, s, opts)
		require.ErrorContains(t, err, want)
	}
	good := tokenprovider.SharedOptions{Key: "key", SealKeys: [][]byte{sealKey(1)}}
	_, err := tokenprovider.NewShared(nil, s, good)
	require.ErrorContains(t, err, "needs a provider")
	_, err = tokenprovider.NewShared((*issuer)(nil), s, good)
	require.ErrorContains(t, err, "needs a provider")
	_, err = tokenprovider.NewShared(p, nil, good)
	require.ErrorContains(t, err, "needs a store")
	_, err = tokenprovider.NewShared(p, (*tokenprovidertest.Store)(nil), good)
	require.ErrorContains(t, err, "needs a store")
}

func TestReplicasShareOneToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour,
			latency: 300 * time.Millisecond}, tokenprovidertest.NewStore()
		started := time.Now()
		var replicas sync.WaitGroup
		for range 8 {
			tokens := tokenprovider.NewCache(newShared(t, source, store), nil)
			replicas.Go(func() {
				token, expiresAt, err := tokens.Token(t.Context())
				require.NoError(t, err)
				require.Equal(t, "token-1", token)
				require.WithinDuration(t, started.Add(time.Hour+300*time.Millisecond), expiresAt, 0)
			})
		}
		replicas.Wait()
		require.Equal(t, 1, source.calls())
		require.LessOrEqual(t, time.Since(started), 550*time.Millisecond,
			"a mint and one look at the store")
		requireToken(t, newShared(t, source, store), "token-1") // a replica that comes later
	})
}

func TestReplicasShareEachRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour,
			latency: 300 * time.Millisecond}, tokenprovidertest.NewStore()
		var replicas sync.WaitGroup
		for n := range 8 {
			tokens := tokenprovider.NewCache(newShared(t, source, store), nil)
			replicas.Go(func() {
				time.Sleep(time.Duration(n) * time.Minute)
				for range 24 * 60 {
					_, _, err := tokens.Token(t.Context())
					require.NoError(t, err)
					time.Sleep(time.Minute)
				}
			})
		}
		replicas.Wait()
		// A token is refreshed at 42 to 45 minutes of age, by the first of the
		// replicas that comes to it.
		require.InDelta(t, 24*60/43, source.calls(), 3, "mints in a day")
	})
}

func TestSharedKeepsTheContractOfAProvider(t *testing.T) {
	mint := always("minted", time.Hour)
	for name, wrap := range map[string]func(tokenprovider.TokenProvider) tokenprovider.TokenProvider{
		"by itself":     func(p tokenprovider.TokenProvider) tokenprovider.TokenProvider { return p },
		"under a Cache": func(p tokenprovider.TokenProvider) tokenprovider.TokenProvider { return tokenprovider.NewCache(p, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			tokenprovidertest.Run(t, func(t *testing.T) tokenprovider.TokenProvider {
				return wrap(newShared(t, mint, tokenprovidertest.NewStore()))
			})
		})
	}
}
