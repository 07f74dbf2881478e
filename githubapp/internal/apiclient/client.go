// Package apiclient makes requests to GitHub's REST API as a GitHub App: with a
// JWT that one of the app's keys signs, and only while nothing is known that
// makes a request useless. It knows nothing of whose tokens are whose.
//
// What is true of the app as a whole is kept here, for all who make requests:
// the JWT, which key GitHub accepted last, how GitHub's clock differs from this
// machine's, what is left of the rate limits, and until when GitHub isn't to be
// asked: while a rate limit or a lock-out lasts, while it refuses the app's key,
// clock or id, while it is down.
package apiclient

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
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
	gate   gate
	limits limits

	announcements announcements
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
		Settle:       -1, // GitHub takes a new JWT at once
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

// TokenLife is how long an installation's token lives at most.
const TokenLife = time.Hour

// Local returns the time by this machine's clock at which GitHub's shows the
// expiry of a token that came with got. It is never later than that, nor than
// an hour after it came: a token mustn't seem to live when it is dead.
func (c *Client) Local(expiry time.Time, got *Answer) time.Time {
	local := c.clock.local(expiry)
	if latest := got.Received.Round(0).Add(TokenLife); local.After(latest) {
		return latest
	}
	return local
}

// Usage returns all rate limits as GitHub told them last, and what isn't asked
// for at the moment: the app, or a request that fails. Neither has an order.
func (c *Client) Usage() ([]tokenprovider.Limit, []tokenprovider.Hold) {
	return c.limits.all(), c.gate.holds()
}

// maxLimitWait is how long a rate limit may last that is waited for.
const maxLimitWait = 2 * time.Minute

// LimitedFor returns for how much longer a rate limit that is waited for holds the
// app back, 0 when none does. It doesn't block.
func (c *Client) LimitedFor() time.Duration {
	if left := c.gate.limitedFor(); left <= maxLimitWait {
		return left
	}
	return 0 // who waits is told
}

// Check returns the error that a request would get without being made, but for a
// rate limit that will be over in two minutes: a request can wait for that.
func (c *Client) Check() error {
	c.noticeKeys()
	if c.LimitedFor() > 0 {
		return nil
	}
	return c.gate.check()
}

// noticeKeys ends a hold of the app's credentials when their file changed.
func (c *Client) noticeKeys() {
	if c.gate.refusing() && c.config.Keys.Changed() {
		c.dropJWT(c.signer.last.Load())
		c.gate.open()
	}
}

// Do makes a request as the app and returns the answer that r wants. The error
// is an [*Error], unless no JWT could be signed. While the app is held back no
// request is made: the error is then the one that GitHub gave, and Held.
//
// A JWT that GitHub refuses is dropped, and a request that another JWT can save
// is sent again: once with the clock corrected, and once with each other key.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	c.noticeKeys()
	p, err := c.gate.enter(r.Method+" "+r.Path, false)
	if err != nil {
		return nil, err
	}
	r.Subject = appSubject
	got, err := c.ask(ctx, r, p.probes)
	c.leave(ctx, p, err)
	return got, err
}

// DoWithToken makes a request with an installation's token instead of the app's
// JWT. The error is an [*Error]. It is held back only while GitHub is down, for such
// requests too.
func (c *Client) DoWithToken(ctx context.Context, token string, r Request) (*Answer, error) {
	p, err := c.gate.enter(r.Method+" "+r.Path, true)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	got, err := c.send(bounded, r, token)
	c.leave(ctx, p, err)
	return got, err
}

// leave tells the gate what became of a request, and the log what the gate
// makes of it.
func (c *Client) leave(ctx context.Context, p pass, err error) {
	failure, _ := errors.AsType[*Error](err)
	held, opened := c.gate.leave(p, verdictOf(ctx, err), failure)
	switch {
	case held > 0:
		c.config.Logger.Warn("GitHub isn't asked for a while",
			"app", c.config.App, "code", failure.Code, "for", held, "error", err)
	case opened:
		c.config.Logger.Info("GitHub is asked again", "app", c.config.App)
	}
}
