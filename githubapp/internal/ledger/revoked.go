package ledger

import "context"

// Revoked notes that the token with that SHA-256 was revoked by itself, so that
// no replica hands it out again from where it was shared. While the Store is away
// this replica alone knows.
func (l *Ledger) Revoked(ctx context.Context, sum string) {
	for _, s := range l.marks {
		_, _ = s.Swap(ctx, l.config.Key("revoked", sum), nil, []byte(sum), l.config.TokenLife) // false: it is there already
	}
}

// WasRevoked reports whether the token with that SHA-256 was.
func (l *Ledger) WasRevoked(ctx context.Context, sum string) bool {
	for _, s := range l.marks {
		if value, err := s.Load(ctx, l.config.Key("revoked", sum)); err == nil && value != nil {
			return true
		}
	}
	return false
}
