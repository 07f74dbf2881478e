package ledger

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// record is what a workspace was given. It is immutable; nil is none.
type record struct {
	Generation string    `json:"generation"`
	Released   bool      `json:"released,omitempty"`
	ReleasedAt time.Time `json:"released_at,omitzero"` // the last release
	Dated      time.Time `json:"dated,omitzero"`       // what was given earlier may not be on record; zero: all is
	Tokens     []entry   `json:"tokens,omitempty"`
}

// entry is a token on record.
type entry struct {
	Token     string    `json:"token"`
	MintedAt  time.Time `json:"minted_at"`
	ExpiresAt time.Time `json:"expires_at"`
	For       string    `json:"for,omitempty"`
	Owed      bool      `json:"owed,omitempty"` // to be revoked, and no more to be handed out
}

func (e entry) lives(now time.Time) bool { return now.Before(e.ExpiresAt) }

func (e entry) is(token string) bool { return secret.Equal(e.Token, token) }

func (r *record) has(token string) bool {
	return slices.ContainsFunc(r.Tokens, func(e entry) bool { return e.is(token) })
}

// with returns r with a token more.
func (r *record) with(given entry) *record {
	changed := *r
	changed.Tokens = append(slices.Clone(r.Tokens), given)
	return &changed
}

// owing returns r with the token owed that has that SHA-256, and r itself when it
// has none that isn't; "" is none's.
func (r *record) owing(refused string) *record {
	if r == nil || refused == "" {
		return r
	}
	n := slices.IndexFunc(r.Tokens, func(e entry) bool { return !e.Owed && tokenprovider.TokenSHA256(e.Token) == refused })
	if n < 0 {
		return r
	}
	changed := *r
	changed.Tokens = slices.Clone(r.Tokens)
	changed.Tokens[n].Owed = true
	return &changed
}

// begun returns what r, which was released, is when its workspace starts.
func (r *record) begun(generation string) *record {
	return &record{Generation: generation, ReleasedAt: r.ReleasedAt, Dated: r.Dated, Tokens: r.Tokens}
}

// released returns what r is after its workspace's release.
func (r *record) released(generation string) *record {
	changed := record{Generation: generation, Released: true, ReleasedAt: time.Now().Round(0), Dated: r.Dated, Tokens: slices.Clone(r.Tokens)}
	for n := range changed.Tokens {
		changed.Tokens[n].Owed = true
	}
	return &changed
}

// without returns r without those tokens, and r itself when it has none of them.
func (r *record) without(tokens []entry) *record {
	gone := func(e entry) bool {
		return slices.ContainsFunc(tokens, func(t entry) bool { return t.is(e.Token) })
	}
	if !slices.ContainsFunc(r.Tokens, gone) {
		return r
	}
	changed := *r
	changed.Tokens = slices.DeleteFunc(slices.Clone(r.Tokens), gone)
	return &changed
}

// owed returns the tokens that are to be revoked. A nil r owes none.
func (r *record) owed() (tokens []entry) {
	if r == nil {
		return nil
	}
	for _, e := range r.Tokens {
		if e.Owed {
			tokens = append(tokens, e)
		}
	}
	return tokens
}

const (
	recordLife   = 30 * 24 * time.Hour // renewed by each change
	releasedLife = 24 * time.Hour      // mints are refused that long; then the platform alone refuses
	maxChanges   = 16                  // tries to change a record that others change
)

// change changes the record at key to what next makes of it, and returns it. next
// sees a nil record where there is none, and is asked again when the record
// changed meanwhile or when it isn't known whether the change was made: it has to
// know its own change again. What it returns unchanged stays, and is swapped in
// once more after an error: only a Swap that says true says that it is as safe as
// the Store keeps records. Its error ends the change.
func (l *Ledger) change(ctx context.Context, key string, next func(*record) (*record, error)) (*record, error) {
	unsure := false
	for try := range maxChanges {
		value, err := l.store.Load(ctx, key)
		if err != nil {
			return nil, err
		}
		r, err := l.unseal(key, value)
		if err != nil {
			return nil, err
		}
		changed, err := next(r)
		if err != nil || changed == nil {
			return nil, err
		}
		changed = l.putBack(key, r, changed)
		if changed == r && !unsure {
			l.see(key, value, r)
			return r, nil
		}
		sealed := l.seal(key, changed)
		swapped, err := l.store.Swap(ctx, key, value, sealed, l.ttl(changed))
		if swapped {
			l.see(key, sealed, changed)
			return changed, nil
		}
		unsure = unsure || err != nil
		if err == nil && try > 0 {
			select {
			case <-time.After(rand.N(time.Duration(try) * 10 * time.Millisecond)):
			case <-ctx.Done(): // the Store says so
			}
		}
	}
	return nil, ErrContended
}

// ttl returns how long r is kept. The memory of a process needn't keep what is
// dead.
func (l *Ledger) ttl(r *record) time.Duration {
	switch {
	case r.Released:
		return releasedLife
	case l.born.IsZero():
		return recordLife
	}
	return 2 * l.config.TokenLife
}

// seal returns r as it is stored, without the tokens that are dead.
func (l *Ledger) seal(key string, r *record) []byte {
	stored, now := *r, time.Now()
	stored.Tokens = slices.DeleteFunc(slices.Clone(r.Tokens), func(e entry) bool { return !e.lives(now) })
	plain, _ := json.Marshal(stored) // texts, times and bools always can be
	return l.sealer.Seal(plain, key)
}

// unseal returns the record that value is, nil for nil. The error is [ErrSealed].
func (l *Ledger) unseal(key string, value []byte) (*record, error) {
	if value == nil {
		return nil, nil
	}
	var r record
	plain, err := l.sealer.Open(value, key)
	if err == nil {
		err = json.Unmarshal(plain, &r)
	}
	if err != nil {
		return nil, ErrSealed
	}
	return &r, nil
}
