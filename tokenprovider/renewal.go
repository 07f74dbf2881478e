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

	// patience is how long a caller waits for a refresh while a live token is held. After it that one is served: a
	// forge that hangs must not stall a caller who could go on.
	patience = 3 * time.Second

	firstBackoff     = time.Second
	maxBackoff       = time.Minute
	permanentBackoff = 30 * time.Second // after a failure that isn't Retryable
	maxRetryAfter    = time.Hour        // the longest Retry-After that is believed
)

// windows scales the configured windows with a token's life, so that a life shorter than a window can't turn every call
// into a refresh. Inside ahead a background refresh is due; below floor callers wait for one.
//
// Jitter moves the refresh earlier by up to a twentieth of the life, so that tokens minted together aren't refreshed
// together. It is drawn once per token: drawn at each call it would collapse to its early edge.
func windows(life, refreshAhead, minTTL time.Duration) (ahead, floor, jitter time.Duration) {
	ahead = min(refreshAhead, life/4)
	floor = min(minTTL, life/6)
	if most := life / 20; most > 0 {
		jitter = rand.N(most)
	}
	return ahead, floor, jitter
}

// mostWish is the longest remaining life that a caller may ask of a token: with more, each call would mint.
func mostWish(life time.Duration) time.Duration { return life / 2 }

// backoff is how long to wait after the given number of tries in a row that brought nothing (at least 1), the last of
// which ended in err; nil when it delivered the token that was held already.
func backoff(tries int, err error) time.Duration {
	wait := maxBackoff
	if doublings := max(tries, 1) - 1; doublings < 6 {
		wait = min(firstBackoff<<doublings, maxBackoff)
	}
	wait -= rand.N(wait/5 + 1)
	if err == nil {
		return wait
	}
	if !retryable(err) {
		wait = permanentBackoff
	}
	return max(wait, min(RetryAfter(err), maxRetryAfter))
}
