package githubapp

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"
	"weak"

	"github.com/molecule-ai/provisionkit/githubapp/internal/apiclient"
	"github.com/molecule-ai/provisionkit/githubapp/internal/ledger"
	"github.com/molecule-ai/provisionkit/githubapp/internal/queue"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// App is a GitHub App and the tokens of its installations. Make it with [New],
// once per process; it must not be copied. All methods are safe for concurrent
// use. It needs no Close: no goroutine runs while nobody calls.
type App struct {
	name   string            // of the app, for errors and logs
	client *apiclient.Client // what is known of the app as a whole
	log    *slog.Logger

	accounts accounts            // where the app is installed
	bot      bot                 // who commits in its name
	host     string              // of GitHub's website
	facts    facts               // what is known of the installations
	mints    *queue.Queue[int64] // by installation
	ledger   *ledger.Ledger      // what workspaces were given

	revocations chan struct{} // a place for each that is under way

	store    tokenprovider.Store // guarded; nil: there is no Options.Store
	sealKeys [][]byte
	identity []string // in Store keys: of the API and the app

	timing tokenprovider.CacheOptions
	caches *tokenprovider.Keyed[installationKey]

	mu            sync.RWMutex
	installations map[installationKey]weak.Pointer[Installation] // caches decides how long one is kept
	sweepAt       int                                            // how many there are when the collected ones go
	mutators      []weak.Pointer[WorkspaceMutator]
}

// queueTimeout bounds how long a mint waits for its turn, in a herd of many
// thousands.
const queueTimeout = 10 * time.Minute

// New returns the [App] that opts describe. It reads the key but makes no
// request: to see at boot whether GitHub accepts the key, call
// [Installation.Require]. The error names the field that is missing or
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
	opts.SealKeys = slices.Clone(opts.SealKeys)
	for n, key := range opts.SealKeys {
		opts.SealKeys[n] = slices.Clone(key)
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
		host:          websiteOf(base),
		log:           opts.Logger,
		sealKeys:      opts.SealKeys,
		identity:      []string{base.Host + base.Path, opts.inStore()},
		timing:        opts.Cache,
		installations: make(map[installationKey]weak.Pointer[Installation]),
	}
	a.revocations = make(chan struct{}, opts.MaxConcurrentMints)
	a.mints = queue.New[int64](opts.MaxConcurrentMints, a.client.LimitedFor)
	a.accounts.lookups = queue.New[string](maxLookups, a.client.LimitedFor)
	a.accounts.check = func() error { return published(a.client.Check()) }
	a.ledger = ledger.New(ledger.Config{
		Store:     opts.Store,
		SealKeys:  opts.SealKeys,
		Key:       func(kind, name string) string { return a.storeKey(kind, name) },
		TokenLife: tokenLife,
		Revoke: func(ctx context.Context, token, purpose string) error {
			return a.revoke(ctx, token, subjectOf(purpose))
		},
		Logger: a.log,
	})
	a.store = a.ledger.Store()
	a.timing.MintTimeout += queueTimeout // the request itself is bounded by the client
	timing := a.timing
	timing.Name = cmp.Or(timing.Name, "GitHub App "+a.name)
	a.caches = tokenprovider.NewKeyed(a.provider, &timing)
	return a, nil
}

// storeKey names something in the Store: in clear what it is, and the hash of all
// that tells it from others, of other apps and APIs too.
func (a *App) storeKey(kind string, parts ...string) string {
	text, _ := json.Marshal(append(slices.Clone(a.identity), parts...)) // strings always can be
	sum := sha256.Sum256(text)
	return "githubapp/" + kind + "/" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// JWT returns the JSON Web Token that proves who the app is, and when it
// expires by this machine's clock. Use it for requests to GitHub that this
// package doesn't make. It can do more than any installation's token, so keep
// it on the platform.
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

// String returns the app's id or client ID as text.
func (a *App) String() string { return "githubapp.App(" + a.name + ")" }

// Format prints [App.String] under every verb.
func (a *App) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, a.String()) }
