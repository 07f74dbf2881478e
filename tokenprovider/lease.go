package tokenprovider

import (
	"math"
	"time"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
)

// unlimited is the life of a token without a known expiry.
const unlimited = time.Duration(math.MaxInt64)

// lease is a token that was delivered, with the times at which things are due.
// It is immutable. Times are ages, which are counted by wall time from the
// moment before the token was asked for: a monotonic clock stands still while a
// machine sleeps, and a life counted from the answer would be too long.
//
// The token is a plain string, and no [secret.Of], for the sake of a cached
// read, which may cost at most 1.10 times an atomic load and time.Now. What
// keeps it from being printed is that a Cache prints its name alone, and that
// fmt doesn't follow the pointer by which the Cache has its state.
type lease struct {
	token      string
	expiresAt  time.Time     // as the provider said; zero: unknown
	requested  int64         // wall time in Unix nanoseconds before the provider was asked
	minted     int64         // the same when the token was minted, as far as that is known
	life       time.Duration // from requested to expiresAt
	minTTL     time.Duration // with less than this left callers wait for a refresh
	refreshAge time.Duration // from this age on a refresh is due
	freshAge   time.Duration // below this age nothing is due, whatever a caller asks for
	suspect    bool          // a report that it was refused was believed: another one is due
}

func newLease(token string, expiresAt, requested, minted time.Time, opts *settings) *lease {
	// Round strips the monotonic reading: from here on, and for whoever is
	// given it, the expiry is compared by wall time.
	expiresAt = expiresAt.Round(0)
	l := &lease{
		token:      token,
		expiresAt:  expiresAt,
		requested:  requested.UnixNano(),
		minted:     minted.UnixNano(),
		life:       unlimited,
		refreshAge: unlimited,
		freshAge:   unlimited,
	}
	if expiresAt.IsZero() {
		return l
	}
	l.life = expiresAt.Sub(requested)
	ahead, minTTL, jitter := windows(l.life, opts.refreshAhead, opts.minTTL)
	l.minTTL = minTTL
	l.refreshAge = l.life - ahead - jitter
	l.freshAge = min(l.refreshAge, l.life-maxMinTTL(l.life))
	return l
}

// suspected returns l as it is served from a believed report of its refusal on.
func (l *lease) suspected() *lease {
	s := *l
	s.suspect, s.freshAge = true, 0
	return &s
}

// fresh reports whether nothing is due. One unsigned comparison also catches a
// clock that was set back to before the token was asked for, after which its
// age says nothing.
func (l *lease) fresh(now time.Time) bool {
	return uint64(now.UnixNano()-l.requested) < uint64(l.freshAge)
}

func (l *lease) age(now time.Time) time.Duration {
	return time.Duration(now.UnixNano() - l.requested)
}

// live reports whether the token hasn't expired. A nil lease isn't live.
func (l *lease) live(now time.Time) bool {
	return l != nil && !wire.Expired(l.expiresAt, now)
}

// remaining returns the life that is left: none when the clock was set back to
// before the token was asked for.
func (l *lease) remaining(now time.Time) time.Duration {
	if l == nil || l.age(now) < 0 {
		return 0
	}
	if l.life == unlimited {
		return unlimited
	}
	return max(l.life-l.age(now), 0)
}

// suffices reports whether a token that isn't fresh has the life that callers
// get without waiting, or that one asked for. One that is suspect hasn't.
func (l *lease) suffices(now time.Time, asked time.Duration) bool {
	switch {
	case l.suspect:
		return false
	case l.life == unlimited:
		return true
	}
	return l.remaining(now) >= max(l.minTTL, asked)
}

// due reports whether it is time for a refresh.
func (l *lease) due(now time.Time) bool {
	age := l.age(now)
	return l.life != unlimited && (age < 0 || age >= l.refreshAge)
}

// settled reports whether the token is old enough for a refusal to mean
// something: a forge may refuse one for some seconds until all of its servers
// know it.
func (l *lease) settled(now time.Time, settle time.Duration) bool {
	age := time.Duration(now.UnixNano() - l.minted)
	return age < 0 || age >= settle
}

// is reports whether l holds exactly token. A nil lease holds none.
func (l *lease) is(token string) bool { return l != nil && secret.Equal(l.token, token) }

func wall(nanoseconds int64) time.Time { return time.Unix(0, nanoseconds) }
