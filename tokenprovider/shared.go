package tokenprovider

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/seal"
)

// Shared lets the replicas of a service share the token of their provider
// through a [Store]: one of them mints it, and all of them use it. Make it with
// [NewShared]; it must not be copied. All methods are safe for concurrent use.
//
// It holds no token itself and belongs under a [Cache], which asks it when a
// refresh is due:
//
//	shared, err := tokenprovider.NewShared(provider, store,
//		tokenprovider.SharedOptions{Key: "forge/42", SealKeys: keys})
//	tokens := tokenprovider.NewCache(shared, nil)
//
// Values are sealed with AES-256-GCM, with their key as associated data.
// Whoever can read the store learns no token, and whoever can write to it can't
// put one key's token under another key. A value that can't be opened counts as
// absent.
//
// While a replica mints, the store has a lock under Key + "/lock", whose value
// is random text. The lock only saves mints: when two replicas mint at once,
// the one that comes second hands out the token that is stored, if that has
// enough life.
//
// A store that is down or hangs costs extra mints and lines in the log, never
// an error. Each call of it gets 2 s, or a quarter of the time that is left of
// ctx if that is less; after one that hung, a call of Shared.Token waits for no
// other. The clocks of the replicas have to agree to within a minute: a token
// that was minted further in the future isn't used.
//
// Shared isn't a [StatusReporter], as it holds no token; see [Cache.Status] of
// the Cache above it.
type Shared struct {
	provider TokenProvider
	store    Store
	sealer   *seal.Sealer
	key      string
	minTTL   time.Duration
	lockTTL  time.Duration
	logger   *slog.Logger

	invalidated atomic.Pointer[string]   // the SHA-256 of the last token that was; nil: none
	drops       atomic.Int64             // how often Drop was called
	droppedAt   atomic.Int64             // Unix nanoseconds by wall time: what was minted until then is dropped; 0: nothing
	delivered   atomic.Pointer[mintTime] // of the token that was returned last; nil: none
}

var (
	_ TokenProvider = (*Shared)(nil)
	_ Invalidator   = (*Shared)(nil)
)

// SharedOptions say how a [Shared] stores its token. Key and SealKeys are
// required; any other zero field means its default.
type SharedOptions struct {
	// Key names the token in the store. It has to differ wherever the token
	// does: by the issuer, the account and the permissions. It is stored in
	// clear.
	Key string

	// SealKeys are AES-256 keys of 32 random bytes each. The first one seals,
	// all of them open: to rotate, add the new one behind the old one on every
	// replica, then put it first, then take the old one out. They are copied.
	SealKeys [][]byte

	// A stored token with less life than MinTTL isn't taken. The default is 20
	// min, at most a third of the token's life; less than 0 means 0.
	MinTTL time.Duration

	// LockTTL is how long a replica may mint before the others mint for
	// themselves. The default is 10 s, also for less than 0. LockTTL and one
	// mint have to fit into [CacheOptions].MintTimeout of the Cache above:
	// raise that if a mint can take longer than 5 s.
	LockTTL time.Duration

	Logger *slog.Logger // nil: nothing is logged
}

const (
	defaultSharedMinTTL = 20 * time.Minute // more than a Cache's RefreshAhead
	defaultLockTTL      = 10 * time.Second
)

// String returns o without its seal keys.
func (o SharedOptions) String() string {
	return fmt.Sprintf("tokenprovider.SharedOptions(%q, %d seal keys)", o.Key, len(o.SealKeys))
}

// Format prints [SharedOptions.String] under every verb.
func (o SharedOptions) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, o.String()) }

// MarshalText returns [SharedOptions.String], for JSON too.
func (o SharedOptions) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// NewShared returns a Shared of p's tokens in s. It refuses a nil p or s, an
// empty Key, and SealKeys that are missing or don't have 32 bytes each.
func NewShared(p TokenProvider, s Store, opts SharedOptions) (*Shared, error) {
	switch {
	case foreign.IsNil(p):
		return nil, errors.New("tokenprovider: NewShared needs a provider to mint tokens")
	case foreign.IsNil(s):
		return nil, errors.New("tokenprovider: NewShared needs a store; " +
			"without one use the provider as it is")
	case opts.Key == "":
		return nil, errors.New("tokenprovider: SharedOptions.Key is empty; " +
			"name what the token is for, so that no other one is taken for it")
	}
	sealer, err := seal.New("tokenprovider: SharedOptions.SealKeys", opts.SealKeys)
	if err != nil {
		return nil, err
	}
	shared := &Shared{
		provider: p,
		store:    s,
		sealer:   sealer,
		key:      opts.Key,
		minTTL:   orDefault(opts.MinTTL, defaultSharedMinTTL),
		lockTTL:  opts.LockTTL,
		logger:   foreign.Logger(opts.Logger),
	}
	if shared.lockTTL <= 0 {
		shared.lockTTL = defaultLockTTL
	}
	return shared, nil
}

// Token returns the stored token if it has enough life left: at least
// [SharedOptions].MinTTL, and at least what [WithMinTTL] asks for: a caller's
// wish up to half of the token's life, and what the Cache above asks for in
// full. Otherwise one replica asks the provider and stores the new token, while
// the others wait for it: for LockTTL, but for no more than two thirds of the
// time that is left of ctx. After that they ask the provider themselves.
//
// When no token can be minted, the stored one is returned for as long as it
// lives, unless the Cache above asked for a longer life than its own token has.
// The error is the provider's or ctx's.
func (s *Shared) Token(ctx context.Context) (string, time.Time, error) {
	t, err := s.token(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	s.delivered.Store(&mintTime{TokenSHA256(t.Token), t.MintedAt})
	return t.Token, t.ExpiresAt, nil
}

// Stored returns the stored token, and whether it has as much life as Token
// would need; "" when no live token is stored. It neither locks nor mints: it
// is for a provider that has to wait for its turn before it may mint, and needs
// no turn while there is a token.
func (s *Shared) Stored(ctx context.Context) (token string, expiresAt time.Time, enough bool) {
	c := s.call(ctx)
	t := c.load(ctx)
	if enough = t != nil; !enough {
		t = c.spare()
	}
	if t == nil {
		return "", time.Time{}, false
	}
	s.delivered.Store(&mintTime{TokenSHA256(t.Token), t.MintedAt})
	return t.Token, t.ExpiresAt, enough
}

// token takes these steps, of which each may be the last one of a replica that
// dies:
//
//  1. Load what is stored. A token with enough life is the answer.
//  2. Take the lock, or wait for it: by a Swap of the lock from nil. A replica
//     that dies with it costs the others LockTTL.
//  3. Load again: another replica may have stored a token meanwhile.
//  4. Mint. What isn't stored after that is lost, and costs a mint.
//  5. Swap the token in, from what was loaded: two that mint at once, because
//     the lock's time was over, end up with one token.
//  6. Give up the lock: by a Swap from the own value to nil, so that nobody
//     loses it who has it by then.
func (s *Shared) token(ctx context.Context) (*storedToken, error) {
	c := s.call(ctx)
	if stored := c.load(ctx); stored != nil {
		return stored, nil
	}
	if stored := c.compete(ctx); stored != nil {
		c.finish(ctx, nil)
		return stored, nil
	}
	minted, err := c.mint(ctx)
	t := c.finish(ctx, minted)
	if err != nil {
		if t = c.load(ctx); t != nil { // another replica's, meanwhile
			return t, nil
		}
		if t = c.spare(); t != nil {
			s.logger.Warn("stored token served on", "key", s.key, "expires_at", t.ExpiresAt, "error", err)
			return t, nil
		}
	}
	return t, err
}

func (s *Shared) call(ctx context.Context) *sharedCall {
	return &sharedCall{Shared: s, began: time.Now().Round(0), drops: s.drops.Load(), asked: minLifeOf(ctx), own: []byte(rand.Text())}
}

// Format prints the key name under every verb.
func (s *Shared) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "tokenprovider.Shared(%q)", s.key)
}
