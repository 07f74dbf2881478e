package githubapp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
	"weak"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// App is a GitHub App: who it is, and the tokens of its installations. Make it with [New], once per process; it must not
// be copied. All methods are safe for concurrent use. It needs no closing: nothing runs while nobody calls.
type App struct {
	name   string // of the app, for errors and logs
	api    *api
	clock  *clock
	keys   *keyring
	signer *signer
	jwts   *tokenprovider.Cache // over signer
	hold   hold
	found  finder

	mintTimeout time.Duration
	mints       chan struct{} // a place for each mint that may be under way
	cacheName   string
	caches      *tokenprovider.Keyed[installationKey]
	replicas    *replicas // nil: there is no Options.Store
	log         *slog.Logger

	mu            sync.RWMutex
	installations map[installationKey]weak.Pointer[Installation] // caches decides how long one is kept
	sweepAt       int                                            // size of installations at which the collected ones go
}

// queueTimeout bounds how long a mint waits for its turn, in a herd of many thousands.
const queueTimeout = 10 * time.Minute

// New is the App that opts describe. It reads the key but makes no request: mint a token at boot, or use
// [Installation.Require], to see at once that GitHub accepts it. The error names the field that is missing or malformed
// and says what to do.
func New(opts Options) (*App, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	a := &App{
		name:          opts.issuer(),
		clock:         new(clock),
		mintTimeout:   opts.Cache.MintTimeout,
		mints:         make(chan struct{}, opts.MaxConcurrentMints),
		cacheName:     opts.Cache.Name,
		log:           opts.Logger,
		installations: make(map[installationKey]weak.Pointer[Installation]),
	}
	if a.api, err = newAPI(opts, a.clock); err != nil {
		return nil, err
	}
	a.replicas = newReplicas(opts, a.api)
	if a.keys, err = newKeyring(opts); err != nil {
		return nil, err
	}
	a.signer = &signer{issuer: a.name, keys: a.keys, clock: a.clock}
	a.jwts = tokenprovider.NewCache(a.signer, &tokenprovider.CacheOptions{
		RefreshAhead: time.Minute,
		MinTTL:       30 * time.Second,
		Settle:       -1, // a refused JWT is dropped at any age
		MintTimeout:  a.mintTimeout,
		Name:         "JWT of GitHub App " + a.name,
		Logger:       a.log,
	})
	timing := opts.Cache
	timing.Name = cmp.Or(timing.Name, "GitHub App "+a.name)
	timing.MintTimeout += queueTimeout // the request itself is bounded in mint
	a.caches = tokenprovider.NewKeyed(a.provider, &timing)
	return a, nil
}

// JWT is the JSON Web Token that proves who the app is, and when it expires by this machine's clock. It is for requests
// to GitHub that this package doesn't make; it can do more than any installation's token, so it stays on the platform.
func (a *App) JWT(ctx context.Context) (string, time.Time, error) {
	token, expiresAt, err := a.jwts.Token(ctx)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("githubapp: JWT of app %s: %w", a.name, err)
	}
	return token, expiresAt, nil
}

// send makes a request as the app. A refused JWT is dropped; a request that another can save is sent again: once with
// the clock corrected, and once with each other key.
func (a *App) send(ctx context.Context, r request) (*answer, error) {
	var tried []*key
	corrected, overtaken := false, 0
	for {
		if err := a.hold.check(); err != nil {
			return nil, err
		}
		// What the token is wanted for must not set how often is signed: a mint asks for more life than a JWT has.
		token, _, err := a.jwts.Token(tokenprovider.WithMinTTL(ctx, 0))
		if err != nil {
			return nil, fmt.Errorf("sign the app's JWT: %w", err)
		}
		got, err := a.api.send(ctx, r, token)
		if failure, ok := errors.AsType[*tokenprovider.Error](err); ok && failure.Code == tokenprovider.CodeRateLimited {
			a.hold.extend(failure.RetryAfter)
			a.log.Warn("GitHub's rate limit was hit; all mints are held back", "app", a.name, "for", failure.RetryAfter)
		}
		refusal, ok := errors.AsType[*APIError](err)
		if !ok || refusal.Status != http.StatusUnauthorized {
			return got, err
		}
		made := a.signer.last.Load()
		a.jwts.Invalidate(token)
		switch {
		case made.jwt != token: // another call was refused before and has had a new one signed
			if overtaken++; overtaken > a.keys.size()+1 {
				return nil, err
			}
		case refusal.clockRefused():
			if corrected || made.skew == a.clock.skew() {
				return nil, err
			}
			corrected = true
			a.log.Warn("clock differs from GitHub's; corrected", "app", a.name, "skew", a.clock.skew())
		case refusal.keyRefused():
			tried = append(tried, made.key)
			reloaded := a.keys.reload()
			if !a.keys.next(made.key, tried) {
				return nil, keysRefused(err, tried, reloaded)
			}
			a.log.Warn("key was refused; another is tried", "app", a.name, "refused", made.key.fingerprint)
		default:
			return nil, err
		}
	}
}

// keysRefused adds to GitHub's refusal of the last key which keys were tried, and why a key file was of no help.
func keysRefused(err error, tried []*key, reloaded error) error {
	fingerprints := make([]string, len(tried))
	for n, k := range tried {
		fingerprints[n] = k.fingerprint
	}
	err = fmt.Errorf("%w; refused: %s", err, strings.Join(fingerprints, ", "))
	if reloaded != nil {
		err = fmt.Errorf("%w; the key file couldn't be read again: %w", err, reloaded)
	}
	return err
}

// String shows which app a is.
func (a *App) String() string { return "githubapp.App(" + a.name + ")" }

// Format prints [App.String] under every verb.
func (a *App) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, a.String()) }
