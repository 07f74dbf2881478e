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
	// BaseURL is the gateway's own URL as workspaces reach it: https and a host
	// name of its own, at whose root the gateway is, because gh and git find the
	// forge by its host alone. Required. Port 443; with another one git works,
	// and gh doesn't.
	BaseURL string

	// Forge is what is behind. Required.
	Forge Forge

	// Auth says who asks: it sees the credential of each request as
	// Authorization: Bearer. Required.
	Auth tokenhttp.Authenticator

	// Policy decides what they may do, and with whose token. Required.
	Policy Policy

	// Admit is asked at each request, once it is known who asks, and every 5 s
	// while a workspace transfers something. [tokenhttp.ErrForbidden] refuses,
	// and ends what is transferred; a [tokenprovider.Error] of CodeRateLimited
	// is answered with 429, any other error with 503. Nil: all are admitted,
	// and bearers that never expire are refused.
	Admit func(ctx context.Context, p tokenhttp.Principal) error

	// Workspace finds what the platform knows of a workspace, for the Policy
	// and the provider. Nil: its id is all there is.
	Workspace func(ctx context.Context, id string) (tokenprovider.Workspace, error)

	// Audit gets a record of each operation when it is over. It has 10 s. Nil:
	// the records go to Logger alone.
	Audit func(ctx context.Context, r AuditRecord)

	// Transport reaches the forge. Nil: one for https through the proxy of the
	// environment (HTTPS_PROXY, NO_PROXY), which trusts the system's certificates
	// (on Linux also those in SSL_CERT_FILE), without a limit for how long a
	// transfer takes. Over HTTP/2 it holds less than 1 MiB of an answer whose
	// client is slow; net/http's own holds 4 MiB, unless its
	// HTTP2.MaxReceiveBufferPerStream says otherwise.
	Transport http.RoundTripper

	// Logger gets every record and the reasons that callers aren't told. Nil:
	// nothing is logged.
	Logger *slog.Logger
}

// Gateway is the forge behind the platform's own host name. It is an
// http.Handler for the root of that host, safe for concurrent use.
//
// The server that runs it has no time limit for writing and reading a whole
// request (http.Server's WriteTimeout and ReadTimeout): a clone may take an
// hour. It needs one for the headers (ReadHeaderTimeout) and for idle
// connections (IdleTimeout).
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
