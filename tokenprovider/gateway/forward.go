package gateway

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// forward adds the token and passes the request on. What goes wrong once that
// has begun is answered by the proxy's own handlers.
func (x *exchange) forward(ctx context.Context) (why *refused) {
	f := &forwarder{x}
	if x.token != "" {
		x.audited.TokenSHA256 = tokenprovider.TokenSHA256(x.token)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer x.transfers.begin(x.principal, func() { x.end(cancel) })()
	// The forge may answer while the request's body is still on its way, if only
	// for its end to be seen. Without this, of HTTP/1, the server takes the rest of
	// the body away when the answer begins, and that breaks off.
	if x.request.ContentLength != 0 {
		_ = http.NewResponseController(x.w).EnableFullDuplex()
	}
	// An answer without a length, as git's are, is flushed as it comes: the proxy
	// sees to that. Flushing the others would send each small one in two parts.
	proxy := &httputil.ReverseProxy{
		Rewrite: f.rewrite, Transport: f, ModifyResponse: f.answered, ErrorHandler: f.failed,
		BufferPool: buffers, ErrorLog: discard,
	}
	defer func() {
		if broken := recover(); broken != nil {
			why = x.broke(ctx, broken)
		}
	}()
	proxy.ServeHTTP(x.w, x.request.WithContext(ctx))
	return nil
}

// broke returns the refusal for a Forge or a Transport that panicked before
// there was an answer. An answer that broke off in its middle has to end with its
// connection.
func (x *exchange) broke(ctx context.Context, value any) *refused {
	if value != http.ErrAbortHandler {
		x.log.ErrorContext(ctx, "the forge didn't answer", "workspace", x.principal.WorkspaceID,
			"error", &foreign.Defect{What: "the Forge or the Transport", Value: value})
	}
	if x.w.status != 0 {
		x.audited.Code = tokenprovider.CodeUnavailable
		panic(http.ErrAbortHandler)
	}
	return noAnswer
}

// errReleased ends a transfer of a workspace that isn't admitted any more.
var errReleased = errors.New("gateway: the workspace isn't admitted any more")

// end breaks the transfer off. The end of a context doesn't end an upload that
// net/http still reads: the deadline does.
func (x *exchange) end(cancel context.CancelCauseFunc) {
	cancel(errReleased)
	x.readWithin(0)
}

// forwarder sends one request to the forge.
type forwarder struct{ *exchange }

// rewrite makes the request for the forge: where it goes, the headers that go
// on, and the token.
func (f *forwarder) rewrite(p *httputil.ProxyRequest) {
	forge := f.options.Forge
	p.Out.URL = forge.Target(f.op, p.In)
	p.Out.Host = p.Out.URL.Host
	for name := range p.Out.Header {
		if !forge.Header(name) {
			delete(p.Out.Header, name)
		}
	}
	f.authorize(p.Out)
}

func (f *forwarder) authorize(r *http.Request) {
	r.Header.Del("Authorization")
	f.options.Forge.Authorize(r, f.op, f.token)
}

// RoundTrip sends r. A token that the forge refuses is reported to its
// provider, and when that has another one the request is tried once more, unless
// its body is on its way already.
func (f *forwarder) RoundTrip(r *http.Request) (*http.Response, error) {
	transport := f.options.Transport
	resp, err := transport.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || f.token == "" {
		return resp, err
	}
	again, ok := f.again(r)
	if !ok {
		return resp, nil
	}
	discardBody(resp)
	return transport.RoundTrip(again)
}

// again returns r with another token, once f's was reported as refused.
func (f *forwarder) again(r *http.Request) (*http.Request, bool) {
	ctx := r.Context()
	err := foreign.Do("the provider", func() error {
		tokenprovider.Invalidate(f.grant.Provider, f.token)
		return nil
	})
	if err != nil {
		return nil, false
	}
	again := r.Clone(ctx)
	switch {
	case r.Body == nil || r.Body == http.NoBody:
	case r.GetBody == nil:
		return nil, false
	default:
		if again.Body, err = r.GetBody(); err != nil {
			return nil, false
		}
	}
	token, err := ask(ctx, f.exchange, atProvider, func(ctx context.Context) (string, error) {
		return tokenFor(ctx, f.op, f.grant.Provider)
	})
	if err != nil || token == f.token {
		return nil, false
	}
	f.token, f.audited.TokenSHA256 = token, tokenprovider.TokenSHA256(token)
	f.authorize(again)
	return again, true
}

// answered judges and rewrites the forge's answer. A 401 of the forge's doesn't
// reach the workspace: git would ask a person for a user name, and mean ours.
func (f *forwarder) answered(resp *http.Response) error {
	switch status := resp.StatusCode; {
	case f.token == "" && (status == http.StatusUnauthorized || status == http.StatusNotFound):
		return &refused{status: http.StatusForbidden, code: tokenprovider.CodeForbidden,
			message: "the policy of this workspace gives it no token for this, and without one the forge doesn't answer"}
	case status == http.StatusUnauthorized:
		return &refused{status: http.StatusBadGateway, code: tokenprovider.CodeUnauthenticated,
			message: "the forge refuses the platform's token (401): its operator has to look at that"}
	}
	for _, name := range []string{"Set-Cookie", "Strict-Transport-Security", "Alt-Svc"} {
		resp.Header.Del(name)
	}
	resp.Trailer = nil
	return f.options.Forge.Rewrite(resp, f.op, f.base)
}

// failed answers for a request that the forge didn't answer.
func (f *forwarder) failed(_ http.ResponseWriter, r *http.Request, err error) {
	why, ok := errors.AsType[*refused](err)
	switch {
	case ok:
	case context.Cause(r.Context()) == errReleased:
		why = forbidden
	case r.Context().Err() != nil: // the client left, and nobody hears an answer
		why = &refused{code: tokenprovider.CodeUnavailable, answered: true}
	default:
		f.log.ErrorContext(r.Context(), "the forge didn't answer", "workspace", f.principal.WorkspaceID,
			"error", wire.Tellable(err))
		why = noAnswer
	}
	f.refuse(why)
}

// discardBody lets the connection of resp be used again.
func discardBody(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	_ = resp.Body.Close()
}

// discard is for what net/http's proxy would log itself.
var discard = log.New(io.Discard, "", 0)
