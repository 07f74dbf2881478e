package tokenprovider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
)

// Transport is an [http.RoundTripper] that adds the provider's token to
// requests to its Hosts, as Authorization: Bearer. It changes and sends a clone
// of the request, and replaces an Authorization header that was there.
//
// A token is sent only over https or to a loopback address (127.0.0.0/8, ::1,
// localhost): any other request to one of the Hosts is an error before anything
// is sent. A request to another host is sent as it is, without a token.
//
// After an answer of 401 it calls [Invalidate] with the token that was used. It
// sends the request once more if the provider then has another token and the
// body can be sent again (see [http.Request].GetBody).
//
// Provider and Hosts are required. A Transport is safe for concurrent use as
// long as its fields aren't changed.
type Transport struct {
	Provider TokenProvider
	Base     http.RoundTripper // nil: http.DefaultTransport

	// Hosts are names or addresses, each as host or host:port; without a port,
	// that of the request's scheme is meant. Case doesn't matter.
	Hosts []string
}

var _ http.RoundTripper = (*Transport)(nil)

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	switch {
	case t.Provider == nil:
		return t.refuse(req, errors.New("tokenprovider: Transport.Provider is nil"))
	case len(t.Hosts) == 0:
		return t.refuse(req, errors.New("tokenprovider: Transport.Hosts is empty; "+
			"name the hosts that are to get the token"))
	case !t.covers(req):
		return t.base().RoundTrip(req)
	case req.URL.Scheme != "https" && !wire.Loopback(req.URL.Hostname()):
		return t.refuse(req, fmt.Errorf("tokenprovider: no token is sent to %s over %s; use https",
			req.URL.Host, req.URL.Scheme))
	}

	token, _, err := t.Provider.Token(req.Context())
	if err != nil {
		return t.refuse(req, fmt.Errorf("tokenprovider: token for %s: %w", req.URL.Host, err))
	}
	resp, err := t.send(req, req.Body, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}

	Invalidate(t.Provider, token)
	if hasBody(req) && req.GetBody == nil {
		return resp, nil
	}
	other, err := foreign.Within(req.Context(), "the provider", func(ctx context.Context) (string, error) {
		token, _, err := t.Provider.Token(ctx)
		return token, err
	})
	if err != nil || other == token {
		return resp, nil
	}
	body := req.Body
	if hasBody(req) {
		err := foreign.Do("the request", func() (err error) {
			body, err = req.GetBody()
			return err
		})
		if err != nil {
			return resp, nil
		}
	}
	discard(req.Context(), resp.Body)
	return t.send(req, body, other)
}

func hasBody(req *http.Request) bool { return req.Body != nil && req.Body != http.NoBody }

func (t *Transport) base() http.RoundTripper {
	if t.Base != nil {
		return t.Base
	}
	return http.DefaultTransport
}

// refuse closes the body, as a RoundTripper must, also when it sends nothing.
func (t *Transport) refuse(req *http.Request, err error) (*http.Response, error) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
	return nil, err
}

func (t *Transport) send(req *http.Request, body io.ReadCloser, token string) (
	*http.Response, error) {
	clone := req.Clone(req.Context())
	clone.Body = body
	if clone.Header == nil {
		clone.Header = make(http.Header)
	}
	clone.Header.Set("Authorization", "Bearer "+token)
	return t.base().RoundTrip(clone)
}

// covers reports whether the request goes to one of the Hosts.
func (t *Transport) covers(req *http.Request) bool {
	to := withPort(req.URL.Host, req.URL.Scheme)
	return slices.ContainsFunc(t.Hosts, func(host string) bool {
		return strings.EqualFold(withPort(host, req.URL.Scheme), to)
	})
}

// withPort returns host with the port that it stands for.
func withPort(host, scheme string) string {
	if strings.LastIndexByte(host, ':') > strings.LastIndexByte(host, ']') {
		return host
	}
	if scheme == "https" {
		return host + ":443"
	}
	return host + ":80"
}

// What there is of an answer that is thrown away is read up to these bounds. An
// answer beyond them costs its connection.
const (
	maxDiscard     = 64 << 10
	discardTimeout = 500 * time.Millisecond
)

// discard reads the rest of an answer, if there is little of it, so that its
// connection can be used again. A read that still waits when the time is over
// ends as the body is closed.
func discard(ctx context.Context, body io.ReadCloser) {
	const what = "the body of the answer"
	reading, cancel := context.WithTimeout(ctx, discardTimeout)
	defer cancel()
	_, _ = foreign.Within(reading, what, func(context.Context) (int64, error) {
		return io.Copy(io.Discard, io.LimitReader(body, maxDiscard))
	})
	closing, cancel := context.WithTimeout(ctx, discardTimeout)
	defer cancel()
	_, _ = foreign.Within(closing, what, func(context.Context) (struct{}, error) {
		return struct{}{}, body.Close()
	})
}
