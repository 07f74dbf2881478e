package tokenprovider

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWindowsScaleWithTheLifeOfAToken(t *testing.T) {
	for _, c := range []struct {
		life, refreshAhead, minTTL time.Duration
		ahead, floor, mostJitter   time.Duration
	}{
		{time.Hour, 15 * time.Minute, 10 * time.Minute, 15 * time.Minute, 10 * time.Minute,
			3 * time.Minute},
		{24 * time.Hour, 15 * time.Minute, 10 * time.Minute, 15 * time.Minute, 10 * time.Minute,
			72 * time.Minute},
		{50 * time.Second, 15 * time.Minute, 10 * time.Minute, 12500 * time.Millisecond,
			50 * time.Second / 6, 2500 * time.Millisecond},
		{time.Hour, 0, 0, 0, 0, 3 * time.Minute},
		{time.Nanosecond, time.Hour, time.Hour, 0, 0, 0},
	} {
		most := time.Duration(0)
		for range 1000 {
			ahead, floor, jitter := windows(c.life, c.refreshAhead, c.minTTL)
			require.Equal(t, c.ahead, ahead)
			require.Equal(t, c.floor, floor)
			require.GreaterOrEqual(t, jitter, time.Duration(0))
			require.LessOrEqual(t, jitter, c.mostJitter)
			require.Less(t, ahead+jitter, c.life)
			most = max(most, jitter)
		}
		require.GreaterOrEqual(t, most, c.mostJitter/2, "jitter is drawn from the whole range")
	}
}

func TestBackoffIsBoundedOnBothSides(t *testing.T) {
	transient := newFailure(errors.New("connection refused"))
	permanent := newFailure(&Error{Code: CodeForbidden})
	asking := func(code Code, retryAfter time.Duration) *failure {
		return newFailure(&Error{Code: code, RetryAfter: retryAfter})
	}
	for _, c := range []struct {
		name     string
		tries    int32
		failure  *failure
		from, to time.Duration
	}{
		{"the first", 1, transient, 800 * time.Millisecond, time.Second},
		{"the second", 2, transient, 1600 * time.Millisecond, 2 * time.Second},
		{"the sixth", 6, transient, 25600 * time.Millisecond, 32 * time.Second},
		{"the seventh", 7, transient, 48 * time.Second, time.Minute},
		{"the millionth", 1_000_000, transient, 48 * time.Second, time.Minute},
		{"a count that overflowed", -5, transient, 800 * time.Millisecond, time.Second},
		{"the same token again", 1, nil, 800 * time.Millisecond, time.Second},
		{"a permanent failure", 1, permanent, 30 * time.Second, 30 * time.Second},
		{"a permanent failure for long", 60, permanent, 30 * time.Second, 30 * time.Second},
		{"a permanent failure with a hint", 60, asking(CodeForbidden, 2*time.Second), 2 * time.Second,
			2 * time.Second},
		{"a Retry-After", 1, asking(CodeRateLimited, 7*time.Minute), 7 * time.Minute,
			7 * time.Minute},
		{"a Retry-After below the back-off", 6, asking(CodeRateLimited, time.Second), time.Second,
			time.Second},
		{"an absurd Retry-After", 1, asking(CodeRateLimited, 999*time.Hour), time.Hour, time.Hour},
		{"a negative Retry-After", 1, asking(CodeUnavailable, -time.Hour), 800 * time.Millisecond,
			time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			shortest, longest := c.to, c.from
			for range 1000 {
				s := &state{tries: c.tries - 1, failure: c.failure}
				s.backOff(time.Now())
				require.GreaterOrEqual(t, s.wait, c.from)
				require.LessOrEqual(t, s.wait, c.to)
				shortest, longest = min(shortest, s.wait), max(longest, s.wait)
			}
			require.GreaterOrEqual(t, longest-shortest, (c.to-c.from)/2, "it is drawn from the whole range")
		})
	}
}

// The clock can't be moved in a synctest bubble, so what a moved clock means is
// shown on the values themselves.
func TestALeaseIsJudgedByWallTime(t *testing.T) {
	now := time.Now()
	opts := (&CacheOptions{}).settings()
	l := newLease("t", now.Add(time.Hour), now, now.Add(time.Second), opts)

	require.Equal(t, time.Hour, l.life, "it counts from before the request, as ages do")
	require.True(t, l.fresh(now.Add(10*time.Minute)))
	require.False(t, l.fresh(now.Add(time.Hour)))

	// A machine that slept: its monotonic clock shows one minute, its wall
	// clock two hours.
	slept := now.Add(2 * time.Hour).Round(0)
	require.False(t, l.fresh(slept))
	require.False(t, l.live(slept))

	// A clock that was set back: the age is unknown, so a refresh is due, and
	// the token serves as long as it seems live.
	back := now.Add(-time.Minute)
	require.False(t, l.fresh(back))
	require.True(t, l.due(back))
	require.False(t, l.suffices(back, 0))
	require.True(t, l.live(back))
	require.True(t, l.settled(back, 5*time.Second))

	// The same for a back-off.
	s := &state{triedAt: now.UnixNano(), wait: time.Hour}
	require.True(t, s.backsOff(now.Add(59*time.Minute)))
	require.False(t, s.backsOff(now.Add(time.Hour)))
	require.False(t, s.backsOff(back))

	// For the pause between two mints, and the rest between two reports.
	s = &state{askedAt: now.UnixNano(), believedAt: now.UnixNano(), held: l}
	require.Equal(t, time.Second, s.pause(now))
	require.Zero(t, s.pause(back))
	require.False(t, s.believes("t", now.Add(time.Minute), 5*time.Second))
	require.True(t, s.believes("t", back, 5*time.Second))
}

// Package time compares by the wall clock as soon as one side has no monotonic
// reading, and prints those that there are.
func TestAnExpiryHasNoMonotonicReadingForWhoeverIsGivenIt(t *testing.T) {
	now := time.Now()
	require.Contains(t, now.String(), " m=")
	cache := NewCache(Func(func(context.Context) (string, time.Time, error) {
		return "t", now.Add(time.Hour), nil
	}), nil)
	_, expiresAt, err := cache.Token(t.Context())
	require.NoError(t, err)
	require.True(t, expiresAt.Equal(now.Add(time.Hour)))
	require.NotContains(t, expiresAt.String(), " m=")
	require.NotContains(t, cache.state.Load().held.expiresAt.String(), " m=")
}

func TestALeaseWithoutExpiryIsNeverDue(t *testing.T) {
	now := time.Now()
	l := newLease("t", time.Time{}, now, now, (&CacheOptions{}).settings())
	for _, at := range []time.Time{now, now.Add(100 * 365 * 24 * time.Hour), now.Add(-time.Hour)} {
		require.True(t, l.live(at))
		require.False(t, l.due(at))
		require.True(t, l.suffices(at, time.Hour))
	}
	far := newLease("t", time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), now, now,
		(&CacheOptions{}).settings())
	require.True(t, far.live(now))
	require.False(t, far.due(now))
}

func TestKeepFreshLooksNeitherInAHotLoopNorTooRarely(t *testing.T) {
	now, opts := time.Now(), (&CacheOptions{}).settings()
	overdue := newLease("t", now.Add(10*time.Second), now.Add(-time.Hour), now.Add(-time.Hour),
		opts)
	fresh := newLease("t", now.Add(time.Hour), now, now, opts)
	for name, c := range map[string]struct {
		state *state
		want  time.Duration
	}{
		"nothing held":          {&state{}, minLook},
		"overdue":               {&state{held: overdue}, minLook},
		"a refresh runs":        {&state{held: overdue, refreshing: true}, time.Second},
		"a new token settles":   {&state{held: overdue, next: fresh}, 5 * time.Second},
		"it should have by now": {&state{held: overdue, next: overdue}, minLook},
		"a back-off":            {&state{triedAt: now.UnixNano(), wait: 7 * time.Second}, 7 * time.Second},
		"a long back-off":       {&state{triedAt: now.UnixNano(), wait: time.Hour}, maxLook},
		"nothing due":           {&state{held: fresh}, maxLook},
	} {
		require.Equal(t, c.want, c.state.nextLook(now, opts), name)
	}
}

func TestTheRestBetweenReportsScalesWithTheLifeOfAToken(t *testing.T) {
	for life, want := range map[time.Duration]time.Duration{
		unlimited: 5 * time.Minute, 8 * time.Hour: 5 * time.Minute, time.Hour: 5 * time.Minute,
		12 * time.Minute: time.Minute, 12 * time.Second: time.Second,
	} {
		require.Equal(t, want, beliefInterval(life), life)
	}
}
