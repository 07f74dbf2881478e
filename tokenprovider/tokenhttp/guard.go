package tokenhttp

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// guard calls f, which is somebody else's code, and turns a panic of it into an error of CodeInternal. Left to net/http
// the panic's value would be printed into the server's log, and it may hold anything; so the log gets its type, and
// its text only when it is the runtime's own. [http.ErrAbortHandler] goes on: it asks for just that.
func guard(ctx context.Context, logger *slog.Logger, what string, f func() error) (err error) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		if value == http.ErrAbortHandler {
			panic(value)
		}
		cause := fmt.Sprintf("%T", value)
		if e, ok := value.(runtime.Error); ok {
			cause = e.Error()
		}
		logger.ErrorContext(ctx, "tokenhttp: panic", "in", what, "value", cause, "stack", string(debug.Stack()))
		err = &tokenprovider.Error{Code: tokenprovider.CodeInternal, Err: fmt.Errorf("tokenhttp: the %s panicked: %s", what, cause)}
	}()
	return f()
}
