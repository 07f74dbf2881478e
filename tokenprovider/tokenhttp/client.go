package tokenhttp

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Client is the workspace's side: a [tokenprovider.TokenProvider] that asks the
// endpoint at each call. Put a [tokenprovider.Cache] over it. It is safe for
// concurrent use, must not be copied after first use, and prints without its
// bearer.
//
// Its errors are [tokenprovider.Error] values, with the endpoint's code and
// Retry-After where it sent them. Their text has the status and the URL without
// its query, never the bearer and nothing of an answer's body. An answer that
// isn't the endpoint's own never says "not configured", so a
// [tokenprovider.Fallback] doesn't go on to a broader token because a proxy
// answered 404.
type Client struct {
	// URL is the endpoint's, the workspace's own: https, or http to loopback.
	// Empty means [tokenprovider.ErrNotConfigured].
	URL string

	// Bearer is what the client authenticates itself with:
	// [tokenprovider.File], [tokenprovider.Env] or a [tokenprovider.Func]. It
	// is asked at each call, so that a rotated bearer is seen at once, and
	// again after a 401. Required; a bearer that is missing isn't "not
	// configured" but CodeUnauthenticated.
	Bearer tokenprovider.TokenProvider

	// HTTPClient sends the requests; redirects are never followed, and its
	// Timeout is 10 s when it has none. Nil: a client that keeps to the proxy
	// settings of the environment for https, and uses no proxy for http.
	HTTPClient *http.Client

	// AllowHTTP allows http to another machine, where anyone on the way can
	// read the bearer and the token.
	AllowHTTP bool

	// UserAgent says who asks; the endpoint's audit record has it. Default:
	// provisionkit.
	UserAgent string

	rejected rejections
	username atomic.Pointer[string] // of the last answer; nil: there was none
}

var (
	_ tokenprovider.TokenProvider = (*Client)(nil)
	_ tokenprovider.Invalidator   = (*Client)(nil)
)

// Token asks the endpoint for a token. The [tokenprovider.MinTTL] of ctx goes
// along, in whole seconds rounded up, and so do its [tokenprovider.Repository]
// and the digests of the tokens that were refused.
//
// A token's life is reckoned from the Date of the answer, so the clock of this
// machine may be wrong. The expiry is by that clock all the same: the answer's
// own where the two agree within 5 s, else as much later than the request as
// the token lives on beyond Date. A Date that leaves no life, or more than a
// year, isn't believed, nor is that of an answer which a cache kept.
func (c *Client) Token(ctx context.Context) (string, time.Time, error) {
	endpoint, err := c.endpoint()
	if err != nil {
		return "", time.Time{}, err
	}
	query := endpoint.Query()
	if d := tokenprovider.MinTTL(ctx); d > 0 {
		query.Set(minTTLParam, wire.WholeSeconds(d).String())
		endpoint.RawQuery = query.Encode()
	}
	if repository := tokenprovider.Repository(ctx); repository != "" {
		query.Set(repositoryParam, repository)
		endpoint.RawQuery = query.Encode()
	}
	req := request{endpoint, c.rejected.list()}
	got, err := c.call(ctx, req)
	if err != nil {
		return "", time.Time{}, err
	}
	expiresAt, err := got.validate()
	if err != nil {
		return "", time.Time{}, unusable(req, err)
	}
	c.rejected.received(tokenprovider.TokenSHA256(got.Token), req.rejected)
	username := got.Username // a pointer into got would keep the token
	c.username.Store(&username)
	return got.Token, expiresAt, nil
}

// Username returns the user name that goes with the token which was delivered
// last, for git's Basic authentication; "" before the first one, and where the
// endpoint named none that can be one.
func (c *Client) Username() string {
	name := c.username.Load()
	if name == nil || !wire.IsToken(*name) || strings.Contains(*name, ":") {
		return ""
	}
	return *name
}

// Invalidate notes that git or an API refused token. The calls of Token from
// now on tell the endpoint, which drops exactly that token, until it hands it
// out again: it has none that is better. The last 16 tokens are told.
// Invalidate returns true when token is the one that the last call delivered;
// the Client itself holds none.
func (c *Client) Invalidate(token string) bool {
	return c.rejected.add(tokenprovider.TokenSHA256(token))
}

// endpoint returns URL, parsed and checked.
func (c *Client) endpoint() (*url.URL, error) {
	if c.URL == "" {
		return nil, coded(tokenprovider.CodeNotConfigured, "Client.URL is empty")
	}
	endpoint, err := wire.ParseURL(c.URL, c.AllowHTTP)
	switch {
	case err != nil:
		return nil, misconfigured("Client.URL " + err.Error())
	case foreign.IsNil(c.Bearer):
		return nil, misconfigured("Client.Bearer is required")
	}
	return endpoint, nil
}

// Format prints where c asks, under every verb.
func (c *Client) Format(s fmt.State, _ rune) {
	where := "not configured"
	if endpoint, err := wire.ParseURL(c.URL, true); err == nil {
		where = withoutQuery(endpoint)
	}
	io.WriteString(s, "tokenhttp.Client("+where+")")
}

// LogValue implements [slog.LogValuer] with what Format prints.
func (c *Client) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }
