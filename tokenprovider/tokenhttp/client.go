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
// concurrent use, and must not be copied after its first use.
//
// Its errors are [tokenprovider.Error] values, with the code and the
// Retry-After that the endpoint sent. Their text has the status and the URL
// without its query, but never the bearer or anything of an answer's body. Only
// a 404 with the endpoint's own code becomes CodeNotConfigured: a 404 of a
// proxy doesn't make a [tokenprovider.Fallback] go on to a broader token.
type Client struct {
	// URL is that of the workspace's token, as [EnvURL] has it: https, or http
	// to loopback. If it is empty, Token returns
	// [tokenprovider.ErrNotConfigured].
	URL string

	// Bearer provides the bearer that the client authenticates with: a
	// [tokenprovider.File], [tokenprovider.Env] or [tokenprovider.Func]. It is
	// asked at each call, so that a rotated bearer is seen at once, and again
	// after a 401. Required. If it has no bearer, the error is of
	// CodeUnauthenticated.
	Bearer tokenprovider.TokenProvider

	// HTTPClient sends the requests. A copy of it is used that follows no
	// redirects and has a Timeout of 10 s if it has none. Nil: a client that
	// uses the proxy of the environment for https, and no proxy for http.
	HTTPClient *http.Client

	// AllowHTTP allows http to another machine, where anyone on the way can
	// read the bearer and the token.
	AllowHTTP bool

	// UserAgent is sent as the header User-Agent, which is in the endpoint's
	// [AuditRecord]. Default: provisionkit.
	UserAgent string

	rejected rejections
	username atomic.Pointer[string] // of the last answer; nil: there was none
}

var (
	_ tokenprovider.TokenProvider = (*Client)(nil)
	_ tokenprovider.Invalidator   = (*Client)(nil)
)

// Token asks the endpoint for a token. It sends the [tokenprovider.MinTTL] of
// ctx, rounded up to whole seconds, the [tokenprovider.Repository] of ctx, and
// the digests of tokens that [Client.Invalidate] reported.
//
// The expiry that it returns is by this machine's clock, which may be wrong.
// Where that clock agrees with the Date header of the answer to within 5 s, it
// is the expiry that the answer has. Otherwise it is the time of the request
// plus the life that the token has left at Date. Date is ignored where it
// leaves no life or more than a year, and in an answer from an HTTP cache (one
// with an Age header).
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

// Username returns the user name that the endpoint sent with the last token,
// for git's Basic authentication; "" before the first token, and if the
// endpoint sent none or one that can't be a user name.
func (c *Client) Username() string {
	name := c.username.Load()
	if name == nil || !wire.IsToken(*name) || strings.Contains(*name, ":") {
		return ""
	}
	return *name
}

// Invalidate notes that git or an API refused token. From now on each call of
// Token reports token to the endpoint, until the endpoint returns token again,
// since it then has no other. The last 16 tokens are reported. Invalidate
// returns true if token is the one that the last call of Token returned.
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

// Format prints the URL without its query, and no bearer, under every verb.
func (c *Client) Format(s fmt.State, _ rune) {
	where := "not configured"
	if endpoint, err := wire.ParseURL(c.URL, true); err == nil {
		where = withoutQuery(endpoint)
	}
	io.WriteString(s, "tokenhttp.Client("+where+")")
}

// LogValue implements [slog.LogValuer] with what Format prints.
func (c *Client) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }
