package githubapp

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
	"weak"

	"github.com/molecule-ai/provisionkit/githubapp/internal/apiclient"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// App is a GitHub App: who it is, and the tokens of its installations. Make it
// with [New], once per process; it must not be copied. All methods are safe for
// concurrent use. It needs no closing: nothing runs while nobody calls.
type App struct {
	name   string // of the app, for errors and logs
	client *apiclient.Client
	found  finder

	mints     chan struct{} // a place for each mint that may be under way
	cacheName string
	caches    *tokenprovider.Keyed[installationKey]
	replicas  *replicas // nil: there is no Options.Store
	log       *slog.Logger

	mu            sync.RWMutex
	installations map[installationKey]weak.Pointer[Installation] // caches decides how long one is kept
	sweepAt       int                                            // how many there are when the collected ones go
}

// queueTimeout bounds how long a mint waits for its turn, in a herd of many
// thousands.
const queueTimeout = 10 * time.Minute

// New returns the App that opts describe. It reads the key but makes no
// request: mint a token at boot, or use [Installation.Require], to see at once
// that GitHub accepts it. The error names the field that is missing or
// malformed and says what to do.
func New(opts Options) (*App, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	base, err := parseBaseURL(opts.BaseURL)
	if err != nil {
		return nil, err
	}
	keys, err := opts.keys()
	if err != nil {
		return nil, err
	}
	a := &App{
		name: opts.issuer(),
		client: apiclient.New(apiclient.Config{
			App:        opts.issuer(),
			Keys:       keys,
			BaseURL:    base,
			HTTPClient: opts.HTTPClient,
			APIVersion: opts.APIVersion,
			UserAgent:  opts.UserAgent,
			Timeout:    opts.Cache.MintTimeout,
			Logger:     opts.Logger,
		}),
		mints:         make(chan struct{}, opts.MaxConcurrentMints),
		cacheName:     opts.Cache.Name,
		replicas:      newReplicas(opts, base),
		log:           opts.Logger,
		installations: make(map[installationKey]weak.Pointer[Installation]),
	}
	timing := opts.Cache
	timing.Name = cmp.Or(timing.Name, "GitHub App "+a.name)
	timing.MintTimeout += queueTimeout // the request itself is bounded by the client
	a.caches = tokenprovider.NewKeyed(a.provider, &timing)
	return a, nil
}

// JWT returns the JSON Web Token that proves who the app is, and when it
// expires by this machine's clock. It is for requests to GitHub that this
// package doesn't make; it can do more than any installation's token, so it
// stays on the platform.
func (a *App) JWT(ctx context.Context) (string, time.Time, error) {
	token, expiresAt, err := a.client.JWT(ctx)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("githubapp: JWT of app %s: %w", a.name, err)
	}
	return token, expiresAt, nil
}

// do makes a request as the app.
func (a *App) do(ctx context.Context, r apiclient.Request) (*apiclient.Answer, error) {
	got, err := a.client.Do(ctx, r)
	return got, published(err)
}

// String returns which app a is.
func (a *App) String() string { return "githubapp.App(" + a.name + ")" }

// Format prints [App.String] under every verb.
func (a *App) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, a.String()) }
