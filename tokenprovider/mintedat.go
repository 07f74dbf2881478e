package tokenprovider

import "time"

// DatedProvider is a provider that knows since when there is the token that it
// returned last: one from a store is older than the call that brought it. A
// [Cache] over it reckons the token's age by that, so that a report of a token
// that another replica minted long ago is believed; see [Cache.Invalidate].
// MintedAt doesn't fetch, block or touch the network and is safe for concurrent
// use.
type DatedProvider interface {
	// MintedAt returns false for a token that isn't the last one.
	MintedAt(token string) (at time.Time, known bool)
}

var (
	_ DatedProvider = (*Shared)(nil)
	_ DatedProvider = fallback(nil)
)

// mintedAt returns since when there is token, which p returned at the time
// received.
func mintedAt(p TokenProvider, token string, received time.Time) time.Time {
	if d, ok := as[DatedProvider](p); ok {
		// Another replica's clock may be ahead.
		if at, known := d.MintedAt(token); known && at.Before(received) {
			return at
		}
	}
	return received
}

// mintTime is when a token was minted.
type mintTime struct {
	tokenSHA256 string
	at          time.Time
}

// MintedAt returns when some replica minted token, if it is the one that Token
// or Stored returned last.
func (s *Shared) MintedAt(token string) (time.Time, bool) {
	last := s.delivered.Load()
	if last == nil || last.tokenSHA256 != TokenSHA256(token) {
		return time.Time{}, false
	}
	return last.at, true
}

// MintedAt returns what the first of f's providers says that knows.
func (f fallback) MintedAt(token string) (time.Time, bool) {
	for _, p := range f {
		if d, ok := as[DatedProvider](p); ok {
			if at, known := d.MintedAt(token); known {
				return at, true
			}
		}
	}
	return time.Time{}, false
}
