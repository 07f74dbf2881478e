package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const testLife = 20 * time.Second

func TestASeedSaysWhatGoesWrong(t *testing.T) {
	one := schedule(42, 20*time.Second, 120*time.Second, testLife)
	require.Equal(t, one, schedule(42, 20*time.Second, 120*time.Second, testLife))
	require.NotEqual(t, one, schedule(43, 20*time.Second, 120*time.Second, testLife))
}

func TestTwoMinutesHaveEachFaultAndTimeToRecover(t *testing.T) {
	c := config{duration: 2 * time.Minute, life: testLife}
	for seed := range uint64(500) {
		seen := map[kind]int{}
		ahead, back, long := 0, 0, 0
		for _, f := range schedule(seed, c.warm(), c.over(), c.life) {
			seen[f.kind]++
			require.GreaterOrEqual(t, f.at, c.warm(), "%s", f)
			require.LessOrEqual(t, f.ends()+f.recovery(most, c.life), c.over(), "%s", f)
			switch {
			case f.kind == down && f.lasts >= c.life/2:
				long++
			case f.kind == clock && f.amount > 0:
				ahead++
			case f.kind == clock:
				back++
			}
		}
		for _, k := range kinds {
			require.Positive(t, seen[k], "seed %d: %s", seed, k)
		}
		require.Positive(t, long, "seed %d: an outage of half of a life", seed)
		require.Positive(t, ahead, "seed %d", seed)
		require.Positive(t, back, "seed %d", seed)
	}
}

func TestARoundBeginsInQuietWithWhatExcusesNothing(t *testing.T) {
	some := operation{what: callingOwn, replicas: []int{0, 1}, installation: -1}
	for seed := range uint64(100) {
		faults := schedule(seed, 0, 2*time.Minute, testLife)
		for _, f := range faults[:7] {
			require.False(t, f.concerns(some), "seed %d: %s", seed, f)
		}
		require.True(t, faults[7].concerns(some))
	}
}

func TestFaultsOverlapNowAndThen(t *testing.T) {
	over, apart := 0, 0
	for seed := range uint64(100) {
		faults := schedule(seed, 0, time.Hour, testLife)
		for n := range faults[1:] {
			if faults[n+1].at < faults[n].ends() {
				over++
			} else {
				apart++
			}
		}
	}
	require.Positive(t, over)
	require.Greater(t, apart, over)
}
