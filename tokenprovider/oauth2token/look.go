package oauth2token

import (
	"context"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

const (
	lookInterval  = 5 * time.Second        // between two looks at the store
	lookPatience  = 250 * time.Millisecond // for one
	lookAgain     = 30 * time.Second       // after one that failed
	leastFreshFor = time.Millisecond
)

// front is an access token that needs neither the cache nor a look at the store
// for a moment. It is immutable.
type front struct {
	token     string
	expiresAt time.Time
	from      int64 // wall time in Unix nanoseconds
	span      uint64
}

// fresh reports whether the moment lasts. One unsigned comparison catches a
// clock that was set back, too.
func (f *front) fresh(now time.Time) bool { return uint64(now.UnixNano()-f.from) < f.span }

// tokenDue does what Token does when there is something to look at.
func (p *Provider) tokenDue(ctx context.Context, now time.Time) (string, time.Time, error) {
	p.usedAt.Store(now.UnixNano())
	p.look(ctx, now)
	changes := p.change.Load()
	token, expiresAt, err := p.cache.Token(ctx)
	if err != nil && ctx.Err() == nil && p.look(ctx, time.Now()) {
		token, expiresAt, err = p.cache.Token(ctx)
	}
	if err == nil {
		p.keep(token, expiresAt, changes)
	}
	if p.observed != nil {
		p.observed(p, token, err)
	}
	return token, expiresAt, err
}

// keep makes a front of a token until the next look, while it is fresh: more
// than half of its life is left, so that no caller may wish for more.
func (p *Provider) keep(token string, expiresAt time.Time, changes uint64) {
	if p.cache.State() != tokenprovider.StateFresh {
		return
	}
	now := time.Now()
	span := time.Duration(p.lookAt.Load() - now.UnixNano())
	if !expiresAt.IsZero() {
		minted := p.cache.Status().MintedAt
		span = min(span, minted.Add(expiresAt.Sub(minted)/2).Sub(now.Round(0)))
	}
	if span < leastFreshFor || span > lookAgain {
		return
	}
	f := &front{token, expiresAt, now.UnixNano(), uint64(span)}
	p.front.Store(f)
	if p.change.Load() != changes {
		p.front.CompareAndSwap(f, nil)
	}
}

// changed has the next caller ask the cache.
func (p *Provider) changed() {
	p.change.Add(1)
	p.front.Store(nil)
}

// look looks at the store if it is time for that, and has the cache ask its
// source where the store has something else than the cache. It returns whether
// it does. Who comes while somebody looks waits for what that brings: after a
// long time without a look the token that is held may be long dead. What can't
// be seen changes nothing.
func (p *Provider) look(ctx context.Context, now time.Time) bool {
	if !p.lookDue(now) {
		return false
	}
	select {
	case found := <-p.flight.DoChan("look", func() (any, error) { return p.lookNow(), nil }):
		return found.Val.(bool)
	case <-ctx.Done():
		return false
	}
}

func (p *Provider) lookDue(now time.Time) bool {
	early := time.Duration(p.lookAt.Load() - now.UnixNano())
	return early <= 0 || early > lookAgain // the clock was set back
}

func (p *Provider) lookNow() (found bool) {
	now := time.Now()
	if !p.lookDue(now) {
		return false // it came late
	}
	next := lookInterval
	defer func() { p.lookAt.Store(now.Add(next).UnixNano()) }()
	status := p.cache.Status()
	if status.State == tokenprovider.StateEmpty {
		return false // the source looks
	}
	r, _, err := p.source.load(context.Background(), p.source.key, lookPatience)
	switch {
	case err == errSealed:
		return false
	case err != nil:
		next = lookAgain
		return false
	case !p.source.differs(r, status.TokenSHA256):
		return false
	}
	p.forget()
	return true
}

// differs reports whether the record is another one than that of the access
// token with that SHA-256, which the cache holds; with "", than the one that it
// failed with.
func (s *source) differs(r *record, held string) bool {
	if held == "" {
		lost := s.lost.Load()
		return r != nil && (s.servable(r) || lost != nil && *lost != r.Chain)
	}
	last := s.delivered.Load()
	switch {
	case r == nil:
		return true
	case last != nil && last.sha256 == held && last.chain != r.Chain:
		return true
	}
	return s.servable(r) && tokenprovider.TokenSHA256(r.Access) != held
}

// forget has the cache ask its source anew.
func (p *Provider) forget() {
	p.cache.Drop()
	p.cache.EndBackoff()
	p.changed()
}
