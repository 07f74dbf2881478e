package tokenprovider

import "time"

// datedProvider is a provider that knows since when there is the token that it
// returned last: one from a store is older than the call that brought it.
type datedProvider interface {
	mintedAt(token string) (at time.Time, known bool)
}

var (
	_ datedProvider = (*Shared)(nil)
	_ datedProvider = fallback(nil)
)

// mintedAt returns since when there is token, which p returned at the time
// received.
func mintedAt(p TokenProvider, token string, received time.Time) time.Time {
	if d, ok := as[datedProvider](p); ok {
		// Another replica's clock may be ahead.
		if at, known := d.mintedAt(token); known && at.Before(received) {
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

func (s *Shared) mintedAt(token string) (time.Time, bool) {
	last := s.delivered.Load()
	if last == nil || last.tokenSHA256 != TokenSHA256(token) {
		return time.Time{}, false
	}
	return last.at, true
}

func (f fallback) mintedAt(token string) (time.Time, bool) {
	for _, p := range f {
		if d, ok := as[datedProvider](p); ok {
			if at, known := d.mintedAt(token); known {
				return at, true
			}
		}
	}
	return time.Time{}, false
}
