package tokenhttp

import (
	"context"
	"errors"
	"net/http"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// within calls f, which runs foreign code for x, and waits for it until the
// request ends. It returns what f returns, or the refusal for what went wrong.
// Since f may be left behind it writes nothing that its caller reads: it
// returns it.
func within[T any](x *exchange, f func(context.Context) (T, error)) (T, *wire.Refusal) {
	ctx := x.request.Context()
	value, err := foreign.Within(ctx, "", func(ctx context.Context) (T, error) {
		value, err := f(ctx)
		return value, plain(err)
	})
	if err == nil {
		return value, nil
	}
	at := x.position()
	return value, x.refusal(ctx, at, x.explain(ctx, at.stage, err))
}

// plainError says all that is asked of an error of foreign code, whose methods are
// foreign code too.
type plainError struct {
	text string
	is   []error
}

func (e *plainError) Error() string   { return e.text }
func (e *plainError) Unwrap() []error { return e.is }

// plain returns err as a [*plainError]. It is for the goroutine that foreign code
// runs on.
func plain(err error) error {
	if _, ours := err.(*wire.Refusal); ours || err == nil {
		return err
	}
	e := &plainError{text: err.Error()}
	for _, known := range []error{ErrUnauthenticated, ErrForbidden, errNoRegistry, errEmptyToken} {
		if errors.Is(err, known) {
			e.is = append(e.is, known)
		}
	}
	e.is = append(e.is, &tokenprovider.Error{
		Code: tokenprovider.CodeOf(err), RetryAfter: tokenprovider.RetryAfter(err),
	})
	return e
}

// explain returns the error for what foreign code did instead of answering, and
// logs the stack of a panic; any other error it returns as it is.
// [http.ErrAbortHandler] goes on as the panic that it was: it asks for just
// that.
func (h *Handler) explain(ctx context.Context, s stage, err error) error {
	if err == foreign.ErrNoAnswer {
		return coded(tokenprovider.CodeUnavailable, "the %s: %w", s, err)
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
	return coded(tokenprovider.CodeInternal, "the %s", defect.Error())
}
