package ledger

import (
	"context"
	"slices"
	"time"
)

// A Store that comes back empty, or without some of its keys, has lost what the
// workspaces were given. Each replica remembers, sealed, the records that it saw,
// for as long as a token in them lives, and puts those tokens back: a release
// revokes them then, and nobody needs others in their place.

// see remembers the record at key, which value is sealed.
func (l *Ledger) see(key string, value []byte, r *record) {
	if l.seen == nil {
		return
	}
	var last time.Time
	for _, e := range r.Tokens {
		if e.ExpiresAt.After(last) {
			last = e.ExpiresAt
		}
	}
	l.seen.keep(key, value, time.Until(last))
}

// putBack returns changed, which is to replace r, with the tokens of a lost
// record in whose place r was made, or is to be made. They are owed where the
// workspace was released since, or starts anew: others may have been told that
// they are revoked.
func (l *Ledger) putBack(key string, r, changed *record) *record {
	if l.seen == nil || r != nil && r.Dated.IsZero() {
		return changed // no record was lost
	}
	value, _ := l.seen.Load(context.Background(), key) // never fails
	seen, err := l.unseal(key, value)
	if seen == nil || err != nil || r != nil && seen.Dated.Equal(r.Dated) {
		return changed
	}
	goesOn := changed.ReleasedAt.IsZero() && !changed.Dated.IsZero() && !BeganAway(changed.Generation)
	whole := *changed
	whole.Tokens = slices.Clone(changed.Tokens)
	same := true
	for _, e := range seen.Tokens {
		n := slices.IndexFunc(whole.Tokens, func(other entry) bool { return other.is(e.Token) })
		switch {
		case n < 0 && e.lives(time.Now()):
			e.Owed = e.Owed || !goesOn
			whole.Tokens, same = append(whole.Tokens, e), false
		case n >= 0 && e.Owed && !whole.Tokens[n].Owed: // somebody who hadn't seen that put it back
			whole.Tokens[n].Owed, same = true, false
		}
	}
	if same {
		return changed
	}
	return &whole
}
