package tokenhttp

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// exchange is one request on its way to a token. The code on the way is foreign, so
// it runs on a goroutine of its own, which is left behind when the request ends while
// it hangs: see within. What the request's goroutine reads of it is in at.
type exchange struct {
	*Handler
	request *http.Request
	route   route
	id      string // of the workspace in the URL
	wish    wish

	mu sync.Mutex
	at position
}

// position says how far an exchange has come.
type position struct {
	stage     stage
	sender    Principal // once that is proved
	workspace string    // whose token it is about, once its sender may ask for it
	provider  string    // the name of whose token it will be
}

// stage names the code that an exchange meets.
type stage string

const (
	atAuthenticator stage = "authenticator"
	atAdmission     stage = "admission"
	atSource        stage = "source"
	atProvider      stage = "provider"
	atRenewer       stage = "renewer"
	atAudit         stage = "audit"
)

// run returns what x is for, and how it is encoded in the answer. Where git asks, its
// body is read once it is admitted: by the goroutine of the request, which w belongs
// to.
func (x *exchange) run(w http.ResponseWriter) (held issue, encode encoding, refused *wire.Refusal) {
	switch {
	case x.route.renews:
		held, refused = within(x, func(ctx context.Context) (issue, error) {
			if _, err := x.admit(ctx); err != nil {
				return issue{}, err
			}
			return x.renew(ctx)
		})
		return held, asBearer, refused
	case !x.wish.git:
		held, refused = within(x, func(ctx context.Context) (issue, error) {
			in, err := x.admit(ctx)
			if err != nil {
				return issue{}, err
			}
			return x.token(in)
		})
		return held, x.asJSON, refused
	}
	in, refused := within(x, x.admit)
	if refused == nil {
		encode, refused = x.asGit(w, x.request)
	}
	if refused == nil {
		held, refused = within(x, func(context.Context) (issue, error) { return x.token(in) })
	}
	return held, encode, refused
}

// enter notes that the code of s runs next, and that what note adds is known. Nothing
// more runs once the request has ended.
func (x *exchange) enter(ctx context.Context, s stage, note func(*position)) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.at.stage = s
	if note != nil {
		note(&x.at)
	}
	return ctx.Err()
}

// position returns how far x has come.
func (x *exchange) position() position {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.at
}

// within calls f, which runs foreign code for x, and waits for it until the request
// ends. It returns what f returns, or the refusal for what went wrong. Since f may be
// left behind it writes nothing that its caller reads: it returns it.
func within[T any](x *exchange, f func(context.Context) (T, error)) (T, *wire.Refusal) {
	ctx := x.request.Context()
	value, err := foreign.Within(ctx, "", f)
	if err == nil {
		return value, nil
	}
	at := x.position()
	return value, x.refusal(ctx, at, x.explain(ctx, at.stage, err))
}

// explain returns the error for what foreign code did instead of answering, and logs
// the stack of a panic; any other error it returns as it is. [http.ErrAbortHandler]
// goes on as the panic that it was: it asks for just that.
func (h *Handler) explain(ctx context.Context, s stage, err error) error {
	if err == foreign.ErrNoAnswer {
		return &tokenprovider.Error{Code: tokenprovider.CodeUnavailable, Err: fmt.Errorf("tokenhttp: the %s: %w", s, err)}
	}
	defect, ok := err.(*foreign.Defect)
	if !ok {
		return err
	}
	if defect.Value == http.ErrAbortHandler {
		panic(defect.Value)
	}
	defect.What = string(s)
	h.options.Logger.ErrorContext(ctx, "tokenhttp: panic or runtime.Goexit",
		"in", string(s), "error", defect.Error(), "stack", string(defect.Stack))
	return &tokenprovider.Error{Code: tokenprovider.CodeInternal, Err: fmt.Errorf("tokenhttp: the %w", defect)}
}
