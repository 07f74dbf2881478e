// Package ghshim is the program before the real gh: it gives it a live token,
// waits for its end, and tells the platform of a token that was refused.
//
// gh takes a token from GH_TOKEN for github.com and for hosts under ghe.com,
// and gives what is in GH_ENTERPRISE_TOKEN to any server that it is told to
// talk to. So GH_TOKEN is set, and for every other host the token is a login in
// a folder of gh's configuration that holds for that host alone, and is there
// for as long as gh runs.
package ghshim

import (
	"context"
	"fmt"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// Details is the help of the subcommand.
const Details = `Runs the real gh with a live token, for gh and what it starts alone. A link named gh,
which install makes, gives that to everybody who types gh.

For github.com the token is in GH_TOKEN. For each other host in PROVISIONKIT_HOSTS it is
gh's login, in a folder that GH_CONFIG_DIR names for gh, with your own settings and your
logins for other hosts. It is made for the run and removed after it, in the first of
XDG_RUNTIME_DIR, /dev/shm, TMPDIR and /tmp that can be written. Where none can, gh works for
github.com alone. GH_ENTERPRISE_TOKEN is unset: gh gives what is in it to any server.

A token of your own is kept: the one of GH_TOKEN and GITHUB_TOKEN that gh would take,
unless it is an installation token (ghs_...), which platforms inject. For hosts that are
neither github.com nor under ghe.com it is that of GH_ENTERPRISE_TOKEN and
GITHUB_ENTERPRISE_TOKEN. Otherwise the two are unset; CODESPACES always is. An installation
token that isn't in both of the two, as an injected one is, is named on standard error when
it is set aside. gh auth login, logout, refresh and switch, alias and config run with your
own folder and without a token of the platform's; gh auth setup-git has nothing to do.

The token is for the repository of -R, of gh's arguments (gh repo and gh api, and URLs), of
GH_REPO, or of the remote that gh takes for the work tree's, as far as the platform's policy
tells repositories apart.

When gh ends with exit code 4, or with 1 and the forge then answers it with 401, the platform
is told that the token was refused: the next gh gets another one.

gh's host is that of --hostname or GH_HOST, else that of PROVISIONKIT_GATEWAY, else
github.com or the first of PROVISIONKIT_HOSTS. For another host than those it is run as if
this program weren't there.

At the host of PROVISIONKIT_GATEWAY no token is pulled: gh has the workspace's bearer in
GH_ENTERPRISE_TOKEN, from PROVISIONKIT_BEARER_FILE or PROVISIONKIT_BEARER unless it is set.
gh before 2.63 gives that to any server that -R names, too.

When no token can be had, gh runs without one after a line on standard error. With
PROVISIONKIT_ON_FAILURE=quit, and where gh would act as a login that it stored, it isn't
run: the exit code is 1.

Where neither PROVISIONKIT_URL nor PROVISIONKIT_GATEWAY is set gh runs as if this program
weren't there.

The real gh is PROVISIONKIT_GH, or else the first on the PATH, then in the usual folders,
that isn't this program. Without any the exit code is 127.
`

// Run runs the real gh with args, as a shim before it. Where there is something
// left to do after gh it is a child, and takes the place of this process
// otherwise.
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
	if run.setAside != "" && (run.token.Reveal() != "" || run.target.gateway || !run.target.served) {
		p.Fail(fmt.Errorf("%s isn't used: it has an installation token of unknown age; "+
			"to act as that run %s itself", run.setAside, path))
	}
	if run.wired {
		asked := gitcredential.DefaultCommand
		if run.target.gateway {
			asked = "its own configuration"
		}
		fmt.Fprintf(p.Stderr, "nothing to set up: git asks %s, and not gh, for %s\n", asked, run.target.host)
		return 0
	}
	argv := append([]string{path}, args...)
	if run.folder == nil && run.token.Reveal() == "" {
		return p.Become(ctx, path, argv, run.environ)
	}
	p.Hold()
	return p.Release(run.await(ctx, p, path, argv))
}

// await runs gh with the folder that it needs, which is removed after it.
func (r run) await(ctx context.Context, p *process.Process, path string, argv []string) int {
	if r.folder != nil {
		lent, err := r.folder.lend(p)
		if err == nil {
			defer lent.remove()
			r.environ = process.With(r.environ, envFolder, lent.path)
		} else if r, err = r.withoutFolder(p, err); err != nil {
			return p.Fail(err)
		}
	}
	code := p.Await(ctx, path, argv, r.environ)
	r.report(ctx, p, path, code)
	return code
}
