package apiclient

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// dated returns the headers of an answer with that Date.
func dated(date time.Time) http.Header {
	return http.Header{"Date": {date.UTC().Format(http.TimeFormat)}}
}

func TestSkewIsTheSmallestThatExplainsTheDate(t *testing.T) {
	sent := time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		date     time.Duration // after sent
		received time.Duration
		want     time.Duration
	}{
		"none":                       {0, 100 * time.Millisecond, 0},
		"cut to the second":          {-time.Second, 0, 0},
		"a slow answer, dated first": {0, 10 * time.Second, 0},
		"a slow answer, dated last":  {10 * time.Second, 10 * time.Second, 0},
		"under two seconds":          {time.Second, 0, 0},
		"ahead":                      {10 * time.Minute, time.Second, 10*time.Minute - time.Second},
		"behind":                     {-10 * time.Minute, time.Second, -10*time.Minute + time.Second},
	} {
		require.Equal(t, c.want, skewOf(measure(dated(sent.Add(c.date)), sent, sent.Add(c.received))), name)
	}
	require.Nil(t, measure(http.Header{}, sent, sent), "without a Date nothing is known")
}

func TestNoTimeOfGitHubsIsTakenForALaterOne(t *testing.T) {
	ours := time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC)
	for _, skew := range []time.Duration{
		-20 * time.Minute, -2001 * time.Millisecond, 3001 * time.Millisecond, 17708 * time.Millisecond, 20 * time.Minute,
	} {
		for ms := range 40 {
			sent := ours.Add(time.Duration(ms) * 25 * time.Millisecond)
			for _, way := range []time.Duration{0, 700 * time.Millisecond} { // there, and as long back
				theirs := sent.Add(way).Add(skew)
				c := &clock{}
				if !c.correct(nil, measure(dated(theirs), sent, sent.Add(2*way))) {
					require.Less(t, max(skew, -skew), 5*time.Second)
					continue
				}
				end := theirs.Add(20 * time.Second).Truncate(time.Second)
				early := end.Add(-skew).Sub(c.local(end))
				require.GreaterOrEqual(t, early, time.Duration(0), "%s, %s on the way", skew, way)
				require.LessOrEqual(t, early, time.Second+2*way)
			}
		}
	}
}

func TestNoTokenLivesLongerThanAnHourAfterItCame(t *testing.T) {
	now := time.Now().Round(0)
	got := &Answer{Received: now}
	c := newClient(t, nil)
	require.Equal(t, now.Add(50*time.Minute), c.Local(now.Add(50*time.Minute), got))
	require.Equal(t, now.Add(time.Hour), c.Local(now.Add(68*time.Minute), got), "our clock is slow, within what GitHub takes")
	c.clock.learnt.Store(&difference{skew: 2 * time.Hour})
	require.Equal(t, now.Add(time.Hour), c.Local(now.Add(3*time.Hour), got))
	require.Equal(t, now.Add(-2*time.Hour), c.Local(now, got), "our clock was set right meanwhile")
}

func TestAClockIsCorrectedOnceAndGivenUp(t *testing.T) {
	ahead, behind := &difference{skew: time.Hour}, &difference{skew: -time.Hour}
	c := &clock{}
	require.False(t, c.correct(nil, nil), "there is no other clock to try")
	require.True(t, c.correct(nil, ahead))
	require.Same(t, ahead, c.learnt.Load())
	require.True(t, c.correct(nil, behind), "another call has corrected it; its clock is to be tried")
	require.Same(t, ahead, c.learnt.Load())
	require.True(t, c.correct(ahead, &difference{skew: time.Hour}), "the Date tells what was refused: back to ours")
	require.Nil(t, c.learnt.Load())
	require.True(t, c.correct(nil, behind))
	c.giveUp(ahead)
	require.Same(t, behind, c.learnt.Load(), "it isn't in use any more")
	c.giveUp(behind)
	require.Nil(t, c.learnt.Load())
}
