package oauth2token

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

// Provider has the access token of one person's sign-in, renewed by a refresh
// token that may be used once. Make it with [New]; it must not be copied. All
// methods are safe for concurrent use, in this process and in any number of
// replicas with the same store and key.
type Provider struct {
	source   *source
	cache    *tokenprovider.Cache
	observed func(*Provider, string, error) // called with what a caller is given, but for cached reads; may be nil

	front  atomic.Pointer[front]
	change atomic.Uint64 // counts what makes a front that is being made out of date
	lookAt atomic.Int64  // when the store has to be looked at, wall time in Unix nanoseconds
	flight singleflight.Group
	usedAt atomic.Int64 // when somebody asked last, but for cached reads
}

var (
	_ tokenprovider.TokenProvider  = (*Provider)(nil)
	_ tokenprovider.Invalidator    = (*Provider)(nil)
	_ tokenprovider.StatusReporter = (*Provider)(nil)
)

// New returns a Provider of what a person's sign-in to config's client brought.
// It is kept in store under key, which names the forge and the person and is
// stored in clear; what it holds is sealed. Until the first [Provider.Set] of
// any replica there is no token.
//
// The error names what is missing or malformed: a nil config, one without a
// ClientID, a TokenURL that isn't https (or http to loopback), a nil store, an
// empty key, SealKeys. config is copied. Its AuthStyle is taken as it is;
// without one the client's id and secret go into the body, which GitHub, GitLab
// and Bitbucket take: [oauth2.AuthStyleAutoDetect] would send a refresh token
// twice.
func New(config *oauth2.Config, store tokenprovider.Store, key string, opts Options) (*Provider, error) {
	s, err := newSettings("New", config, store, opts)
	if err != nil {
		return nil, err
	}
	if err := validateKey("key", key); err != nil {
		return nil, err
	}
	return newProvider(s, key, nil), nil
}

func newProvider(s *settings, key string, observed func(*Provider, string, error)) *Provider {
	p := &Provider{source: newSource(s, key), observed: observed}
	p.cache = tokenprovider.NewCache(p.source, &tokenprovider.CacheOptions{
		// A new token is served at once: a forge may revoke the old one with
		// the exchange.
		Settle:      -1,
		MintTimeout: mintTimeout,
		Name:        s.nameFor(key),
		Logger:      s.logger,
	})
	return p
}

// Token returns an access token, and waits only when none is held that lives
// for long enough: see [tokenprovider.Cache.Token]. Once in 5 s it looks at the
// store, for a quarter of a second at most, whether another replica has a new
// token, or somebody signed in or out there.
//
// The error is of [tokenprovider.CodeUnauthenticated] when the person has to
// sign in: nobody has, the forge refused the refresh token, the store lost it,
// or the forge refused the client itself, which is said. It is of
// CodeUnavailable while the store or the forge can't be reached,
// CodeRateLimited when the forge said so, and CodeInvalidRequest when it
// refused the request.
func (p *Provider) Token(ctx context.Context) (string, time.Time, error) {
	now := time.Now()
	if f := p.front.Load(); f != nil && f.fresh(now) {
		return f.token, f.expiresAt, nil
	}
	return p.tokenDue(ctx, now)
}

// Invalidate reports that token was refused; see
// [tokenprovider.Cache.Invalidate] for when that is believed. The refresh token
// is exchanged then, unless another replica has done that already. While no
// other access token can be had, the reported one is served on, as a report is
// a claim and no fact: one that came without a refresh token is, until its
// person signs in again, with a status that says so.
func (p *Provider) Invalidate(token string) bool {
	believed := p.cache.Invalidate(token)
	if believed {
		p.changed()
	}
	return believed
}

// Status returns that of the cache. It doesn't look at the store.
func (p *Provider) Status() tokenprovider.Status { return p.cache.Status() }

// String returns which provider p is.
func (p *Provider) String() string { return fmt.Sprintf("oauth2token.Provider(%q)", p.source.key) }

// Format prints [Provider.String] under every verb.
func (p *Provider) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// MarshalText returns [Provider.String], for JSON too.
func (p *Provider) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
