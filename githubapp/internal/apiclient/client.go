// Package apiclient makes requests to GitHub's REST API as a GitHub App: with a
// JWT that one of the app's keys signs, by GitHub's clock, and while no rate
// limit holds the app back. It knows nothing of whose tokens are whose.
//
// What is true of the app as a whole is kept here, for all who make requests:
// the JWT, the key that GitHub accepted last, how GitHub's clock differs from
// this machine's, and until when a rate limit lasts.
package apiclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/appkey"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Config says which app a [Client] is, and of which GitHub. All fields are
// required, and none is checked.
type Config struct {
	App        string       // the client ID or the number: the issuer of the JWT, and a name for logs
	Keys       *appkey.Ring // what its JWT is signed with
	BaseURL    *url.URL     // of the API, without a slash at its end
	HTTPClient *http.Client // is copied; its CheckRedirect is replaced
	APIVersion string       // X-GitHub-Api-Version
	UserAgent  string
	Timeout    time.Duration // of a request with all its tries, and of a signature
	Logger     *slog.Logger  // of package foreign
}

// Client makes requests as one app. It is safe for concurrent use. The HTTP
// client and the signers of the keys may be anybody's code: what they do wrong
// is an error, and nobody waits for them longer than the time-out.
type Client struct {
	config Config
	clock  *clock
	signer *signer
	jwts   *tokenprovider.Cache // over signer
	hold   hold
}

// New returns the Client that c describes.
func New(c Config) *Client {
	theirs := new(clock)
	client := &Client{
		config: c,
		clock:  theirs,
		signer: &signer{issuer: c.App, keys: c.Keys, clock: theirs},
	}
	httpClient := *c.HTTPClient
	httpClient.CheckRedirect = client.redirect
	client.config.HTTPClient = &httpClient
	client.jwts = tokenprovider.NewCache(client.signer, &tokenprovider.CacheOptions{
		RefreshAhead: time.Minute,
		MinTTL:       30 * time.Second,
		Settle:       -1, // a refused JWT is dropped at any age
		MintTimeout:  c.Timeout,
		Name:         "JWT of GitHub App " + c.App,
		Logger:       c.Logger,
	})
	return client
}

// JWT returns the JSON Web Token that proves who the app is, and when it
// expires by this machine's clock.
func (c *Client) JWT(ctx context.Context) (string, time.Time, error) { return c.jwts.Token(ctx) }

// Now returns the time by GitHub's clock, as far as it is known.
func (c *Client) Now() time.Time { return c.clock.now() }

// Local returns the time by this machine's clock at which GitHub's shows t, and
// never a later one: a token mustn't seem to live when it is dead.
func (c *Client) Local(t time.Time) time.Time { return c.clock.local(t) }

// Do makes a request as the app and returns the answer that r wants. The error
// is an [*Error], unless no JWT could be signed.
//
// A JWT that GitHub refuses is dropped, and a request that another JWT can save
// is sent again: once with the clock corrected, and once with each other key.
// While a rate limit lasts no request is made: all of an app's draw on one
// limit.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	var tried []*appkey.Key
	corrected, overtaken := false, 0
	for {
		if err := c.hold.check(); err != nil {
			return nil, err
		}
		// What the answer is wanted for must not set how often is signed: a
		// mint asks for more life than a JWT has.
		token, _, err := c.jwts.Token(tokenprovider.WithMinTTL(ctx, 0))
		if err != nil {
			return nil, fmt.Errorf("sign the app's JWT: %w", err)
		}
		got, err := c.send(ctx, r, token)
		if err == nil {
			return got, nil
		}
		failure, ok := errors.AsType[*Error](err)
		if ok && failure.Code == tokenprovider.CodeRateLimited {
			c.hold.extend(failure.RetryAfter)
			c.config.Logger.Warn("GitHub's rate limit was hit; all mints are held back",
				"app", c.config.App, "for", failure.RetryAfter)
		}
		if !ok || failure.Refusal == nil || failure.Refusal.Status != http.StatusUnauthorized {
			return nil, err
		}
		made := c.signer.last.Load()
		c.jwts.Invalidate(token)
		switch refusal := failure.Refusal; {
		case made.jwt != token: // another call was refused before and has had a new one signed
			if overtaken++; overtaken > c.config.Keys.Len()+1 {
				return nil, err
			}
		case refusal.clockRefused():
			if corrected || made.skew == c.clock.skew() {
				return nil, err
			}
			corrected = true
			c.config.Logger.Warn("clock differs from GitHub's; corrected",
				"app", c.config.App, "skew", c.clock.skew())
		case refusal.keyRefused():
			tried = append(tried, made.key)
			reloaded := c.config.Keys.Reload()
			if !c.config.Keys.Next(made.key, tried) {
				return nil, failure.withKeys(tried, reloaded)
			}
			c.config.Logger.Warn("key was refused; another is tried",
				"app", c.config.App, "refused", made.key.Fingerprint())
		default:
			return nil, err
		}
	}
}

// DoWithToken makes a request with an installation's token instead of the app's
// JWT. The error is an [*Error].
func (c *Client) DoWithToken(ctx context.Context, token string, r Request) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	return c.send(ctx, r, token)
}

// withKeys returns e, a refusal of the last key that there is, with the keys
// that were tried and why the key file couldn't be read again.
func (e *Error) withKeys(tried []*appkey.Key, reloaded error) error {
	fingerprints := make([]string, len(tried))
	for n, k := range tried {
		fingerprints[n] = k.Fingerprint()
	}
	with := *e
	with.Err = fmt.Errorf("%w; refused: %s", e.Err, strings.Join(fingerprints, ", "))
	if reloaded != nil {
		with.Err = fmt.Errorf("%w; the key file couldn't be read again: %w", with.Err, reloaded)
	}
	return &with
}
