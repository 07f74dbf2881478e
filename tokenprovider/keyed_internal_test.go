package tokenprovider

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// byLife returns a Keyed whose keys are the lives of their tokens, and a
// function that has one of a key minted.
func byLife(t *testing.T) (*Keyed[time.Duration], func(life time.Duration)) {
	k := NewKeyed(func(life time.Duration) TokenProvider {
		return Func(func(context.Context) (string, time.Time, error) { return "t", time.Now().Add(life), nil })
	}, nil)
	return k, func(life time.Duration) {
		_, _, err := k.Get(life).Token(t.Context())
		require.NoError(t, err)
		synctest.Wait()
	}
}

func TestAKeyOfAShortLifeGoesBesideOneOfALongLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, mint := byLife(t)
		mint(24 * time.Hour)
		mint(time.Minute)
		time.Sleep(2 * time.Minute)
		mint(time.Hour)
		require.Nil(t, k.caches[time.Minute].inUse)
		for life := range time.Duration(3) { // what was collected goes at the next sweep
			runtime.GC()
			time.Sleep(time.Hour)
			mint(time.Hour + life)
		}
		require.NotContains(t, k.caches, time.Minute)
		require.Contains(t, k.caches, 24*time.Hour)
	})
}

func TestASweepComesAtMostTwiceInATokensLife(t *testing.T) {
	for life, most := range map[time.Duration]time.Duration{
		time.Hour: 30 * time.Minute, time.Millisecond: 500 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			k, mint := byLife(t)
			mint(life)
			idle := k.Get(-1)
			time.Sleep(most - 10*time.Millisecond)
			mint(life + 1)
			require.Same(t, idle, k.caches[-1].inUse, "it was looked at already")
			time.Sleep(10 * time.Millisecond)
			mint(life + 2)
			require.Nil(t, k.caches[-1].inUse)
		})
	}
}
