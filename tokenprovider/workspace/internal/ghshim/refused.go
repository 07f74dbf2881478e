package ghshim

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/platform"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// Exit codes of gh.
const (
	exitFailure = 1 // which a forge's 401 is, too
	exitAuth    = 4
)

// patience bounds each call that is made after gh, in whose time it is.
const patience = 3 * time.Second

var errRefused = errors.New("the forge refused the token (401): " +
	"the platform was told, and the next gh gets another one")

// report tells the platform that the token was refused, if gh ended with code
// because of that.
func (r run) report(ctx context.Context, p *process.Process, path string, code int) {
	switch {
	case r.token.Reveal() == "":
		return
	case code == exitAuth:
	case code == exitFailure && r.isRefused(ctx, path):
	default:
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	source, err := platform.Open(p.Env)
	if err != nil {
		return
	}
	source = source.Once()
	source.Invalidate(r.token.Reveal())
	if _, _, err = source.Token(tokenprovider.WithRepository(ctx, r.wanted)); err == nil && code == exitFailure {
		p.Fail(errRefused)
	}
}

// isRefused asks the forge whether it refuses the token, for the page that gh
// auth status asks for, and by way of gh: that knows where the forge's API is
// and how it is reached.
func (r run) isRefused(ctx context.Context, path string) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// A gh that leads back here must not ask in its turn.
	environ := process.With(r.environ, wire.EnvGHDepth, strconv.Itoa(maxDepth))
	answer, _, _ := process.Output(ctx, environ, "", path,
		"api", "--hostname", r.target.host, "--include", "/") // fails for any status but 2xx
	status, _, _ := strings.Cut(answer, "\n")
	fields := strings.Fields(status)
	return len(fields) > 1 && strings.HasPrefix(fields[0], "HTTP/") && fields[1] == "401"
}
