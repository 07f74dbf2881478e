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

// Provider hands out the access token of one person's sign-in, and renews it
// with the refresh token. Make it with [New]; it must not be copied. All
// methods are safe for concurrent use, also by replicas with the same store and
// key.
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

// New returns a [Provider] for one person's sign-in to config's client. The
// tokens are sealed and kept in store under key, which has to name the forge
// and the person, and is stored in clear. Until a replica calls [Provider.Set]
// there is no token.
//
// The error names what is missing or malformed: a nil config, a config without
// a ClientID, a TokenURL that isn't https (or http to loopback), a nil store,
// an empty key, or SealKeys. config is copied. With
// [oauth2.AuthStyleAutoDetect], which could send a refresh token twice, the
// client's id and secret are sent in the body, as GitHub, GitLab and Bitbucket
// accept them.
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

// Token returns an access token; see [tokenprovider.Cache.Token] for when it
// waits. Once in 5 s it first looks at the store, for a quarter of a second at
// most: another replica may have a new token, or have signed the person in or
// out.
//
// The error is of [tokenprovider.CodeUnauthenticated] if the person has to sign
// in, because they never did, the forge refused the refresh token, or the store
// lost it; and if the forge refused the client itself, which the error then
// says. It is of CodeUnavailable while the store or the forge can't be reached,
// and of CodeRateLimited or CodeInvalidRequest if the forge answered so.
func (p *Provider) Token(ctx context.Context) (string, time.Time, error) {
	now := time.Now()
	if f := p.front.Load(); f != nil && f.fresh(now) {
		return f.token, f.expiresAt, nil
	}
	return p.tokenDue(ctx, now)
}

// Invalidate takes a report that token was refused, and returns whether it is
// believed; see [tokenprovider.Cache.Invalidate]. If it is, the refresh token
// is exchanged, unless another replica has done that already. While no other
// access token can be had, the reported one is served; without a refresh token
// that is until the person signs in again, and the status says so.
func (p *Provider) Invalidate(token string) bool {
	believed := p.cache.Invalidate(token)
	if believed {
		p.changed()
	}
	return believed
}

// Status returns a snapshot for operators. It doesn't look at the store.
func (p *Provider) Status() tokenprovider.Status { return p.cache.Status() }

// String returns the provider's name as text.
func (p *Provider) String() string { return fmt.Sprintf("oauth2token.Provider(%q)", p.source.key) }

// Format prints [Provider.String] under every verb.
func (p *Provider) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// MarshalText returns [Provider.String], for JSON too.
func (p *Provider) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
