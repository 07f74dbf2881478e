package doctor

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/platform"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// check is one question with an answer of one line.
type check struct {
	name  string
	on    func(p *process.Process) bool // where there is something to look at; nil: everywhere
	needs []string                      // checks without whose success there is nothing to see here, if they are made
	run   func(ctx context.Context, d *diagnosis) finding
}

// checks returns all that doctor looks at in a workspace, in the order in which
// it tells of them. Each is on its own but for the ones that it names, which
// stand above it.
func checks(p *process.Process) []check {
	all := []check{
		{name: "url", on: pulls, run: checkURL},
		{name: "proxy", run: checkProxy},
		{name: "platform", on: pulls, needs: []string{"url", "proxy"}, run: checkPlatform},
		{name: "clock", on: pulls, needs: []string{"platform"}, run: checkClock},
		{name: "gateway", on: hasGateway, needs: []string{"proxy"}, run: checkGateway},
		{name: "bearer", on: hasBearer, run: checkBearer},
		{name: "access", on: pulls, needs: []string{"platform", "bearer"}, run: checkAccess},
		{name: "endpoint", on: pulls, needs: []string{"access"}, run: checkEndpoint},
		{name: "hosts", run: checkHosts},
		{name: "token", on: pulls, needs: []string{"endpoint", "hosts"}, run: checkToken},
		{name: "git", run: checkGit},
		{name: "git-variables", needs: []string{"git"}, run: checkGitVariables},
		{name: "git-config", needs: []string{"git-variables"}, run: checkGitConfig},
		{name: "git-helper", on: pulls, needs: []string{"git-config", "hosts"}, run: checkGitHelper},
		{name: "git-credential", on: pulls, needs: []string{"git-helper", "token"}, run: checkGitCredential},
		{name: "gateway-git", on: hasGateway, needs: []string{"git-config"}, run: checkGatewayGit},
		{name: "gateway-access", on: hasGateway, needs: []string{"gateway", "gateway-git", "bearer"}, run: checkGatewayAccess},
		{name: "askpass", needs: []string{"git-config"}, run: checkAskpass},
		{name: "repository", needs: []string{"git-config"}, run: checkRepository},
		{name: "remotes", needs: []string{"repository", "hosts"}, run: checkRemotes},
		{name: "forge", needs: []string{"remotes", "git-credential", "gateway-access"}, run: checkForge},
		{name: "identity", needs: []string{"git-config"}, run: checkIdentity},
		{name: "headers", needs: []string{"git-config", "hosts"}, run: checkHeaders},
		{name: "rewrites", needs: []string{"git-config", "hosts"}, run: checkRewrites},
		{name: "netrc", needs: []string{"hosts"}, run: checkNetrc},
		{name: "gh", run: checkGH},
		{name: "gateway-gh", on: hasGateway, run: checkGatewayGH},
		{name: "gh-login", needs: []string{"hosts"}, run: checkGHLogin},
		{name: "environment", run: checkEnvironment},
	}
	return slices.DeleteFunc(all, func(k check) bool { return k.on != nil && !k.on(p) })
}

// hasGateway reports whether a gateway is the way to the forge.
func hasGateway(p *process.Process) bool { return p.Env(wire.EnvGateway) != "" }

// pulls reports whether tokens are pulled, which they are unless a gateway alone
// is the way.
func pulls(p *process.Process) bool { return p.Env(wire.EnvURL) != "" || !hasGateway(p) }

// hasBearer reports whether a variable has to have the bearer. For a gateway it
// may be in git's and gh's configuration.
func hasBearer(p *process.Process) bool {
	return pulls(p) || p.Env(wire.EnvBearerFile) != "" || p.Env(wire.EnvBearer) != ""
}

// checkLimit bounds one check. One that waits in the file system for longer is
// left to its own end.
const checkLimit = 10 * time.Second

// within returns what the check finds in its time. A check that panics must not
// take the other answers with it.
func (k check) within(ctx context.Context, d *diagnosis) finding {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	// A check that ends with ctx knows better what it waited for: it has two
	// seconds more, one of which what its programs left behind may take.
	deadline, _ := ctx.Deadline()
	patience, stop := context.WithDeadline(context.WithoutCancel(ctx), deadline.Add(2*time.Second))
	defer stop()
	found, err := foreign.Within(patience, "check "+k.name, func(context.Context) (finding, error) {
		return k.run(ctx, d), nil
	})
	switch {
	case errors.Is(err, foreign.ErrNoAnswer):
		return wrong("this check didn't end within %s: a file system may hang", checkLimit)
	case err != nil:
		return wrong("this says nothing of the workspace, it is a defect of provisionkit: %s", err)
	case ctx.Err() != nil && found.status >= statusWarning:
		found.message += " (this check ran out of its time)"
	}
	return found
}

// diagnosis is one run of all checks. What a check leaves in it is for those
// that need it.
type diagnosis struct {
	*process.Process
	credential Credential
	checks     []check
	found      map[string]*pending

	endpoint  config.Endpoint   // left by url, without the bearer
	observer  *observer         // left by platform
	asked     answer            // left by access
	bearer    platform.Bearer   // left by bearer
	pulled    []string          // left by hosts: those for which tokens are pulled
	served    []string          // left by hosts: those, and the gateway's
	cacheFor  time.Duration     // left by hosts
	fresh     secret.Of[string] // left by token
	username  string            // left by token
	gitPath   string            // left by git
	git       gitVersion        // left by git
	settings  settings          // left by git-config
	cached    bool              // left by git-helper: git's own cache stands before it
	sent      platform.Bearer   // left by gateway-git: what the gateway gets
	commonDir string            // left by repository
}

// pending is a finding to be. It may be read once done is closed.
type pending struct {
	done chan struct{}
	finding
}

// start begins all checks, each as soon as the ones that it waits for are over.
func start(ctx context.Context, p *process.Process, credential Credential) *diagnosis {
	all := checks(p)
	d := &diagnosis{Process: p, credential: credential, checks: all, found: make(map[string]*pending, len(all))}
	for _, k := range all {
		d.found[k.name] = &pending{done: make(chan struct{})}
	}
	for _, k := range all {
		go func() {
			own := d.found[k.name]
			defer close(own.done)
			needs := slices.DeleteFunc(k.needs, func(name string) bool { return d.found[name] == nil })
			for _, name := range needs {
				d.wait(name)
			}
			for _, name := range needs {
				if needed := d.wait(name).status; needed == statusError || needed == statusSkipped {
					own.finding = skipped("not checked, because of %s", name)
					return
				}
			}
			own.finding = k.within(ctx, d)
		}()
	}
	return d
}

// wait returns what the check of that name finds, once it has.
func (d *diagnosis) wait(name string) finding {
	<-d.found[name].done
	return d.found[name].finding
}

// output runs a program and returns what it printed to standard output.
// Standard error is dropped: programs put what they were given into it, secrets
// too. The program gets the environment of the command, with the changes, each
// as NAME=value.
func (d *diagnosis) output(
	ctx context.Context, changes []string, stdin, program string, args ...string,
) (string, error) {
	environ := slices.Concat(d.Environ, changes)
	stdout, _, err := process.Output(ctx, environ, stdin, program, args...)
	return stdout, err
}

// close lets go of what the checks held open.
func (d *diagnosis) close() {
	if d.observer != nil {
		d.observer.transport.CloseIdleConnections()
	}
}
