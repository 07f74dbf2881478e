package tokenprovider

import "time"

// DatedProvider is a provider that knows when the token that it returned last
// was minted: a token from a store is older than the call that returned it. A
// [Cache] over it counts the token's age from then, for [Cache.Invalidate] and
// [Status]. MintedAt doesn't fetch, block or touch the network and is safe for
// concurrent use.
type DatedProvider interface {
	// MintedAt returns false for a token that isn't the one returned last.
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

// MintedAt returns when a replica minted token, if [Shared.Token] or
// [Shared.Stored] returned it last; otherwise false.
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
