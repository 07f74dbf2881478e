package tokenhttp

import (
	"context"
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
	value, err := foreign.Within(ctx, "", f)
	if err == nil {
		return value, nil
	}
	at := x.position()
	return value, x.refusal(ctx, at, x.explain(ctx, at.stage, err))
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
