package oauth2token

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"golang.org/x/oauth2"
)

// exchangeTimeout bounds an exchange, with its connection and its answer's
// body.
const exchangeTimeout = 10 * time.Second

// exchanger exchanges refresh tokens at one token URL.
type exchanger struct {
	config *oauth2.Config
	client *http.Client
}

// newExchanger returns an exchanger for a copy of config. Without an AuthStyle
// it sends the client's id and secret in the body: x/oauth2 would find out by
// trying one style and, at any error, the other, and a refresh token that may
// be used once can't be tried twice.
func newExchanger(config *oauth2.Config, client *http.Client) (*exchanger, error) {
	if _, err := wire.ParseURL(config.Endpoint.TokenURL, false); err != nil {
		return nil, fmt.Errorf("oauth2token: oauth2.Config.Endpoint.TokenURL %w", err)
	}
	x := &exchanger{
		config: &oauth2.Config{
			ClientID: config.ClientID, ClientSecret: config.ClientSecret, Endpoint: config.Endpoint,
			RedirectURL: config.RedirectURL, Scopes: slices.Clone(config.Scopes),
		},
		client: &http.Client{},
	}
	switch style := &x.config.Endpoint.AuthStyle; *style {
	case oauth2.AuthStyleAutoDetect:
		*style = oauth2.AuthStyleInParams
	case oauth2.AuthStyleInParams, oauth2.AuthStyleInHeader:
	default:
		return nil, fmt.Errorf("oauth2token: oauth2.Config.Endpoint.AuthStyle %d is none of x/oauth2's", *style)
	}
	if client != nil {
		*x.client = *client
	} else {
		// An exchange is rare. On a connection that lay idle it may find the
		// other end gone, and then it isn't known what became of it.
		transport := wire.NewTransport()
		transport.DisableKeepAlives = true
		x.client.Transport = transport
	}
	x.client.Transport = asJSON{x.client.Transport}
	x.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return x, nil
}

// asJSON has the answer come as JSON: without Accept some forges send a form.
type asJSON struct{ base http.RoundTripper }

func (t asJSON) RoundTrip(r *http.Request) (*http.Response, error) {
	base := t.base
	if base == nil {
		base = http.DefaultTransport
	}
	r = r.Clone(r.Context())
	r.Header.Set("Accept", wire.JSON)
	return base.RoundTrip(r)
}

// exchange exchanges refresh at the forge. It takes [exchangeTimeout] at most,
// whatever becomes of ctx: what was begun has to be brought to its end. Where
// the answer has no refresh token, the one that was exchanged is still good,
// and is the token's. The verdict says what became of it after an error.
func (x *exchanger) exchange(ctx context.Context, refresh string) (*oauth2.Token, verdict, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exchangeTimeout)
	defer cancel()
	var sent sending
	ctx = context.WithValue(sent.traced(ctx), oauth2.HTTPClient, x.client)
	t, err := foreign.Within(ctx, "the HTTP client", func(ctx context.Context) (*oauth2.Token, error) {
		return x.config.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh}).Token()
	})
	if err == nil {
		return t, 0, nil
	}
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		v, err := judge(answer, time.Now())
		return nil, v, err
	}
	where := "POST " + withoutQuery(x.config.Endpoint.TokenURL)
	if _, defect := errors.AsType[*foreign.Defect](err); defect {
		return nil, unsure, defectless(err)
	}
	v := unsure
	if sent.nothing() || unreached(err) {
		v = unspent
	}
	reason := errors.New("its answer is none with a token")
	if failed, ok := errors.AsType[*url.Error](err); ok {
		reason = wire.Tellable(failed.Err)
	} else if err == foreign.ErrNoAnswer {
		reason = err
	}
	return nil, v, errorf(tokenprovider.CodeUnavailable, "%s: %w", where, reason)
}

// withoutQuery returns an address as it may be told: a query may be a secret.
func withoutQuery(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return address
}

// sending sees whether a request was sent.
type sending struct{ asked, connected atomic.Bool }

func (s *sending) traced(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { s.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { s.connected.Store(true) },
	})
}

// nothing reports whether the transport looked for a connection and had none:
// not a byte went out. One that doesn't say isn't believed.
func (s *sending) nothing() bool { return s.asked.Load() && !s.connected.Load() }

// unreached reports whether err is that there was nobody to send to.
func unreached(err error) bool {
	dial, ok := errors.AsType[*net.OpError](err)
	return ok && dial.Op == "dial"
}
