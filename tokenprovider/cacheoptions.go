package tokenprovider

import (
	"log/slog"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"golang.org/x/sync/singleflight"
)

// CacheOptions are the timing and the name of a [Cache]. A zero field means its
// default. RefreshAhead counts as at most a quarter of a token's life, and
// MinTTL as at most a sixth.
type CacheOptions struct {
	// A background refresh starts when less than RefreshAhead is left. The
	// default is 15 min; less than 0 means 0: the jitter alone, of up to a
	// twentieth of the token's life, then starts it early.
	RefreshAhead time.Duration

	// Callers wait for a refresh when less than MinTTL is left. The default is
	// 10 min; less than 0 means 0.
	MinTTL time.Duration

	// Settle is how old a new token has to be before it replaces a live one,
	// and before a refusal of it is believed. The default is 5 s; less than 0
	// means 0.
	Settle time.Duration

	// MintTimeout bounds one call of the provider. The default is 15 s, also
	// for less than 0.
	MintTimeout time.Duration

	Name   string       // shown in Status and logs
	Logger *slog.Logger // nil: nothing is logged
}

// settings are CacheOptions with the defaults filled in, and what else the
// caches of one Keyed share.
type settings struct {
	refreshAhead, minTTL, settle, mintTimeout time.Duration

	name   string
	logger *slog.Logger

	flights singleflight.Group
	onMint  func(life time.Duration) // called with the life of each new token; may be nil
}

func (o *CacheOptions) settings() *settings {
	if o == nil {
		o = &CacheOptions{}
	}
	s := &settings{
		refreshAhead: orDefault(o.RefreshAhead, defaultRefreshAhead),
		minTTL:       orDefault(o.MinTTL, defaultMinTTL),
		settle:       orDefault(o.Settle, defaultSettle),
		mintTimeout:  o.MintTimeout,
		name:         o.Name,
		logger:       foreign.Logger(o.Logger),
	}
	if s.mintTimeout <= 0 {
		s.mintTimeout = defaultMintTimeout
	}
	return s
}

// orDefault returns d, the default for 0, and 0 for less.
func orDefault(d, standard time.Duration) time.Duration {
	if d == 0 {
		return standard
	}
	return max(d, 0)
}
