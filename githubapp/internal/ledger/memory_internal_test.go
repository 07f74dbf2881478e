package ledger

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMemorySwapsWhatItHoldsAndNothingElse(t *testing.T) {
	m := newMemory()
	swap := func(old, new string) bool {
		as := func(s string) []byte {
			if s == "" {
				return nil
			}
			return []byte(s)
		}
		swapped, err := m.Swap(t.Context(), "key", as(old), as(new), time.Hour)
		require.NoError(t, err)
		return swapped
	}
	require.True(t, swap("", "first"))
	require.False(t, swap("", "second"))
	require.False(t, swap("other", "second"))
	require.True(t, swap("first", "second"))
	value, err := m.Load(t.Context(), "key")
	require.NoError(t, err)
	require.Equal(t, "second", string(value))
	value, err = m.Load(t.Context(), "another")
	require.NoError(t, err)
	require.Nil(t, value)
}

func TestMemoryLetsGoOfWhatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		for n := range 100 {
			swapped, err := m.Swap(t.Context(), fmt.Sprint(n), nil, []byte("value"), time.Minute)
			require.NoError(t, err)
			require.True(t, swapped)
		}
		time.Sleep(time.Minute + time.Nanosecond)
		value, err := m.Load(t.Context(), "1")
		require.NoError(t, err)
		require.Nil(t, value)
		m.keep("lasting", []byte("value"), time.Hour)
		require.Len(t, m.values, 101, "a sweep for each value would take long")
		time.Sleep(sweepEvery)
		swapped, err := m.Swap(t.Context(), "1", nil, []byte("again"), time.Minute)
		require.NoError(t, err)
		require.True(t, swapped)
		require.Len(t, m.values, 2)
		require.NotNil(t, m.live("lasting"))
	})
}
