package apiclient

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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
		"under two seconds":          {1900 * time.Millisecond, 0, 0},
		"ahead":                      {10 * time.Minute, time.Second, 10*time.Minute - time.Second},
		"behind":                     {-10 * time.Minute, time.Second, -10*time.Minute + time.Second},
	} {
		require.Equal(t, c.want, measure(sent.Add(c.date), sent, sent.Add(c.received)).skew, name)
	}
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
				c.learn(http.Header{"Date": {theirs.Format(http.TimeFormat)}}, sent, sent.Add(2*way))
				end := theirs.Add(20 * time.Second).Truncate(time.Second)
				if c.skew() == 0 {
					require.Less(t, max(skew, -skew), 5*time.Second)
					continue
				}
				early := end.Add(-skew).Sub(c.local(end))
				require.GreaterOrEqual(t, early, time.Duration(0), "%s, %s on the way", skew, way)
				require.LessOrEqual(t, early, time.Second+2*way)
			}
		}
	}
}

func TestAGatewaysClockIsNotGitHubs(t *testing.T) {
	for status, learnt := range map[int]bool{http.StatusUnauthorized: true, http.StatusBadGateway: false} {
		c := newClient(t, func(*http.Request) (*http.Response, error) {
			header := http.Header{"Date": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}
			return &http.Response{StatusCode: status, Header: header, Body: http.NoBody}, nil
		})
		_, err := c.send(t.Context(), Request{Method: http.MethodGet, Path: "/x", Want: http.StatusOK}, "t")
		require.Error(t, err)
		require.Equal(t, learnt, c.clock.skew() != 0, status)
	}
}
