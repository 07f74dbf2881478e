package tokenprovider

import (
	"math/rand/v2"
	"time"
)

// All timing policy of the cache stands here.

const (
	defaultRefreshAhead = 15 * time.Minute
	defaultMinTTL       = 10 * time.Minute
	defaultSettle       = 5 * time.Second
	defaultMintTimeout  = 15 * time.Second

	// maxWait is how long a caller waits for a refresh while a live token is
	// held. After it that one is served: a forge that hangs must not stall a
	// caller who could go on.
	maxWait = 3 * time.Second

	// mintInterval is the least time from one call of the provider to the next
	// one that only age calls for. It bounds the mints of a provider whose
	// tokens live for moments.
	mintInterval = time.Second

	maxBeliefInterval = 5 * time.Minute

	// maxDeadMints is how many tokens in a row may die before a caller who
	// waits can be given one. It is an error then.
	maxDeadMints = 3

	firstBackoff     = time.Second
	maxBackoff       = time.Minute
	permanentBackoff = 30 * time.Second // after a failure that isn't Retryable, and hints at nothing else
	maxRetryAfter    = time.Hour        // the longest Retry-After that is believed
)

// windows scales the configured windows with a token's life, so that a life
// shorter than a window can't turn every call into a refresh. With less than
// ahead left a background refresh is due; with less than least left callers
// wait for one.
//
// Jitter moves the refresh earlier by up to a twentieth of the life, so that
// tokens minted together aren't refreshed together. It is drawn once per token:
// drawn at each call it would collapse to its early edge.
func windows(life, refreshAhead, minTTL time.Duration) (ahead, least, jitter time.Duration) {
	ahead = min(refreshAhead, life/4)
	least = min(minTTL, life/6)
	if most := life / 20; most > 0 {
		jitter = rand.N(most)
	}
	return ahead, least, jitter
}

// beliefInterval returns the least time from one report of a refused token that is
// believed to the next: whoever reports can't cause more mints than that.
func beliefInterval(life time.Duration) time.Duration { return min(maxBeliefInterval, life/12) }

// maxMinTTL returns the longest remaining life that a caller may ask of a
// token: with more, each call would mint.
func maxMinTTL(life time.Duration) time.Duration { return life / 2 }

// backoff returns how long the cache waits of its own accord after the given
// number of tries in a row, at least 1.
func backoff(tries int32) time.Duration {
	wait := maxBackoff
	if doublings := max(tries, 1) - 1; doublings < 6 {
		wait = firstBackoff << doublings
	}
	return wait - rand.N(wait/5+1)
}

// fixed returns how long to wait after f whatever came before it: as long as
// the provider said, or for what another try won't change. It is 0 when neither
// is known; f is nil when the try brought the token that was held already.
func (f *failure) fixed() time.Duration {
	switch {
	case f == nil:
		return 0
	case f.retryAfter > 0: // the provider knows better
		return max(firstBackoff, min(f.retryAfter, maxRetryAfter))
	case !f.code.retryable():
		return permanentBackoff
	}
	return 0
}
