package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const testLife = 20 * time.Second

func TestASeedSaysWhatGoesWrong(t *testing.T) {
	one := schedule(42, 20*time.Second, 100*time.Second, testLife)
	require.Equal(t, one, schedule(42, 20*time.Second, 100*time.Second, testLife))
	require.NotEqual(t, one, schedule(43, 20*time.Second, 100*time.Second, testLife))
}

func TestTwoMinutesHaveEveryKindOfFaultAndAnOutageLongerThanHalfOfALife(t *testing.T) {
	c := config{duration: 2 * time.Minute, life: testLife}
	for seed := range uint64(500) {
		faults := schedule(seed, c.warm(), c.over(), c.life)
		seen := map[kind]int{}
		long, apart := 0, 0
		for n, f := range faults {
			seen[f.kind]++
			require.GreaterOrEqual(t, f.at, c.warm(), "%s", f)
			require.LessOrEqual(t, f.ends(), c.over(), "%s", f)
			if f.kind == down && f.lasts > c.life/2 {
				long++
			}
			if n > 0 && f.at > faults[n-1].ends() {
				apart++
			}
		}
		for _, k := range kinds {
			require.Positive(t, seen[k], "seed %d: %s", seed, k)
		}
		require.Positive(t, long, "seed %d", seed)
		require.Positive(t, apart, "seed %d: quiet times", seed)
	}
}

func TestFaultsOverlapNowAndThen(t *testing.T) {
	over := 0
	for seed := range uint64(100) {
		faults := schedule(seed, 0, time.Hour, testLife)
		for n := range faults[1:] {
			if faults[n+1].at < faults[n].ends() {
				over++
			}
		}
	}
	require.Positive(t, over)
}
