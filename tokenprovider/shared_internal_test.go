package tokenprovider

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// noted is a store that notes for how long it is to keep what.
type noted struct{ ttls map[string]time.Duration }

func (n noted) Load(context.Context, string) ([]byte, error) { return nil, nil }

func (n noted) Swap(_ context.Context, key string, _, new []byte, ttl time.Duration) (bool, error) {
	if new != nil {
		n.ttls[key] = ttl
	}
	return true, nil
}

func TestATokenThatDiesBeforeItIsStoredDoesNotStayForEver(t *testing.T) {
	store := noted{make(map[string]time.Duration)}
	s, err := NewShared(Static("t"), store, SharedOptions{Key: "k", SealKeys: [][]byte{make([]byte, 32)}})
	require.NoError(t, err)
	dying := &storedToken{Token: "t", ExpiresAt: time.Now(), MintedAt: time.Now()}
	s.call(t.Context()).save(t.Context(), dying)
	require.Positive(t, store.ttls["k"])
}

func TestASealedValueWithoutATokenIsNone(t *testing.T) {
	s, err := NewShared(Static("t"), noted{}, SharedOptions{Key: "k", SealKeys: [][]byte{make([]byte, 32)}})
	require.NoError(t, err)
	value, err := s.seal(&storedToken{MintedAt: time.Now()})
	require.NoError(t, err)
	_, err = s.open(value)
	require.Error(t, err)
}
