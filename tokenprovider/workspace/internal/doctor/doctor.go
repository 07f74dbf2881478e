// Package doctor looks for what is wrong in a workspace, and tells what to do
// about it: whether the platform answers and hands out a token, whether git and
// gh get it and the forge takes it, or whether they find the gateway and that
// takes the bearer, and what gets in their way. It changes
// nothing, and prints no secret.
package doctor

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// Details is the help of the subcommand.
const Details = `Looks at all that git and gh need in this workspace, from the platform to the token that
git gets, or to the gateway, and at what gets in their way. Each check is a line: ok,
warning, error or, when what it needs is wrong or not there, skipped; then what is wrong
and what to do about it. No secret is printed, a token only as its SHA-256.

  --json    {"ok": true, "checks": [{"name": "url", "status": "ok", "message": "..."}, ...]}

Of the repository in the current folder the remotes and settings are checked too, and
the forge is asked for it.

Exit code: 1 if a check ends with error, else 0.
`

// Credential answers a get of git's as the command does.
type Credential func(
	ctx context.Context, p *process.Process, request io.Reader, answer io.Writer,
) error

// Run makes all checks and tells what each found.
func Run(ctx context.Context, p *process.Process, args []string, credential Credential) int {
	asJSON := slices.Equal(args, []string{"--json"})
	if len(args) > 0 && !asJSON {
		return p.Fail(process.ErrArguments)
	}
	interrupted := ctx
	if p.Replace != nil { // the process is the command's own, and what it started ends before it
		var stop context.CancelFunc
		interrupted, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
	}
	ctx, cancel := context.WithTimeout(interrupted, process.Timeout)
	defer cancel()

	d := start(ctx, p, credential)
	r := report{OK: true}
	for _, k := range d.checks {
		line := r.add(k.name, d.wait(k.name))
		if !asJSON && !errors.Is(interrupted.Err(), context.Canceled) {
			line.print(p)
		}
	}
	d.close()
	if errors.Is(interrupted.Err(), context.Canceled) {
		return 1
	}
	if asJSON {
		r.print(p)
	}
	if !r.OK {
		return 1
	}
	return 0
}
