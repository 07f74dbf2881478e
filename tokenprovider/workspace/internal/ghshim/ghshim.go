// Package ghshim is the program before the real gh: it gives it a live token
// and becomes it.
//
// gh takes a token from GH_TOKEN for github.com and for hosts under ghe.com,
// and gives what is in GH_ENTERPRISE_TOKEN to any server that it is told to
// talk to. So GH_TOKEN is set, and for every other host the token is a login in
// a folder of gh's configuration that holds for that host alone.
package ghshim

import (
	"context"
	"os"

	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// Details is the help of the subcommand.
const Details = `Runs the real gh with a live token, for gh and what it starts alone. A link named gh,
which install makes, gives that to everybody who types gh.

For github.com the token is in GH_TOKEN. For each other host in PROVISIONKIT_HOSTS it is
gh's login, in a folder that GH_CONFIG_DIR names for gh, with your own settings and your
logins for other hosts. GH_ENTERPRISE_TOKEN is unset: gh gives what is in it to any server.

A token of your own is kept: the one of GH_TOKEN and GITHUB_TOKEN that gh would take,
unless it is an installation token (ghs_...), which platforms inject. For hosts that are
neither github.com nor under ghe.com it is that of GH_ENTERPRISE_TOKEN and
GITHUB_ENTERPRISE_TOKEN. Otherwise the two are unset; CODESPACES always is. gh auth
login, logout, refresh, switch and setup-git, alias and config run with your own folder
and without a token of the platform's.

gh's host is that of --hostname or GH_HOST, else github.com or the first of
PROVISIONKIT_HOSTS. For another host than those it is run as if this program weren't
there.

When no token can be had, gh runs without one after a line on standard error. With
PROVISIONKIT_ON_FAILURE=quit, and where gh would act as a login that it stored, it isn't
run: the exit code is 1.

The real gh is PROVISIONKIT_GH, or else the first on the PATH, then in the usual folders,
that isn't this program. Without any the exit code is 127.
`

// Run runs the real gh with args, as a shim before it.
func Run(ctx context.Context, p *process.Process, args []string) int {
	path, err := Real(p)
	if err != nil {
		p.Fail(err)
		return process.NotRun(err)
	}
	run, err := prepare(ctx, p, args)
	if err != nil {
		return p.Fail(err)
	}
	argv := append([]string{path}, args...)
	if run.lent == "" {
		return p.Become(ctx, path, argv, run.environ)
	}
	defer os.RemoveAll(run.lent)
	return p.Await(ctx, path, argv, run.environ)
}
