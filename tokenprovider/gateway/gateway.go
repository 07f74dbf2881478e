package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// Options configure a [Gateway].
type Options struct {
	// BaseURL is the gateway's URL as workspaces reach it: https and a host
	// name of its own, without a path, because gh and git find a forge by its
	// host alone. Use port 443: with another one git works, and gh doesn't.
	// Required.
	BaseURL string

	// Forge is the forge behind the gateway. Required.
	Forge Forge

	// Auth tells who sends a request. It gets the request's bearer as
	// Authorization: Bearer, in whatever form it came. Required.
	Auth tokenhttp.Authenticator

	// Policy decides what the sender may do, and with which provider's token.
	// Required.
	Policy Policy

	// Admit is asked whether a workspace is still admitted: at each request,
	// after Auth, and every 5 s while it has transfers. On
	// [tokenhttp.ErrForbidden] the request is refused with 403 and the
	// transfers are broken off. A [tokenprovider.Error] of CodeRateLimited
	// refuses the request with 429, any other error with 503; transfers go on.
	// Nil: every sender is admitted whose bearer expires.
	Admit func(ctx context.Context, p tokenhttp.Principal) error

	// Workspace returns what the platform knows about a workspace, for the ctx
	// of Policy and provider. Its errors are answered like those of Admit. Nil:
	// the ctx has its ID alone.
	Workspace func(ctx context.Context, id string) (tokenprovider.Workspace, error)

	// Audit gets a record of each request when it is over, and has 10 s for it.
	// Nil: only Logger gets them.
	Audit func(ctx context.Context, r AuditRecord)

	// Transport sends the requests to the forge. Nil: a transport that uses the
	// proxy of the environment (HTTPS_PROXY, NO_PROXY), trusts the system's
	// certificates (see [crypto/x509.SystemCertPool]), limits no transfer's
	// time, and buffers less than 1 MiB of an HTTP/2 answer for a slow client,
	// where that of net/http buffers 4 MiB.
	Transport http.RoundTripper

	// Logger gets every record, and the errors whose text workspaces aren't
	// told. Nil: nothing is logged.
	Logger *slog.Logger
}

// Gateway is an [http.Handler] for the root of its host name,
// [Options].BaseURL. It is safe for concurrent use. Make it with [New].
//
// Run it in an [http.Server] whose WriteTimeout and ReadTimeout are zero, since
// a clone may take an hour. Set its ReadHeaderTimeout and IdleTimeout.
type Gateway struct {
	options   Options
	base      *url.URL
	log       *slog.Logger
	transfers *transfers
	unjudged  wire.Unjudged
}

var _ http.Handler = (*Gateway)(nil)

// New returns a Gateway. The error names the option that is missing or
// malformed.
func New(opts Options) (*Gateway, error) {
	base, err := parseBase(opts.BaseURL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("gateway: Options.BaseURL %w", err)
	case foreign.IsNil(opts.Forge):
		return nil, errors.New("gateway: Options.Forge is required, forge.GitHub's for example")
	case foreign.IsNil(opts.Auth):
		return nil, errors.New("gateway: Options.Auth is required, a tokenhttp.WorkspaceKey for example")
	case opts.Policy == nil:
		return nil, errors.New("gateway: Options.Policy is required: it says who may do what")
	}
	if opts.Transport == nil {
		opts.Transport = newTransport()
	}
	g := &Gateway{options: opts, base: base, log: foreign.Logger(opts.Logger)}
	g.transfers = newTransfers(opts.Admit, g.log)
	return g, nil
}

// parseBase checks a BaseURL. The text of an error is the rest of a sentence.
func parseBase(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, errors.New("is required: https and the gateway's own host name")
	}
	return wire.ParseBase(raw)
}

// maxHeld is how much of an answer, in bytes, may have come from the forge before
// its client takes it. Over HTTP/2 it is held here; net/http's own bound is 4 MiB.
const maxHeld = 768 << 10

// newTransport returns what reaches a forge. It asks for no compression of its
// own: bodies go through as they come.
func newTransport() *http.Transport {
	http2 := wire.HealthCheck(15 * time.Second)
	http2.MaxReceiveBufferPerStream = maxHeld
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: wire.OnProxyConnect,
		HTTP2:                  http2,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    64,
		DisableCompression:     true,
	}
}

// ServeHTTP implements [http.Handler].
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := newExchange(g, w, r)
	defer x.record()
	if refused := x.serve(); refused != nil {
		x.refuse(refused)
	}
}
