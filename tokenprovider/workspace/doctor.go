package workspace

import (
	"context"
	"slices"
	"time"
)

const doctorDetails = `Looks at all that git and gh need in this workspace, from the platform to the token that git gets, and at
what gets in their way. Each check is a line: ok, warning, error or, when one that it needs is wrong,
skipped; then what is wrong and what to do about it. No secret is printed, a token only as its SHA-256.

  --json    {"ok": true, "checks": [{"name": "url", "status": "ok", "message": "..."}, ...]}

Of the repository in the current folder the remotes and settings are checked too.

Exit code: 1 if a check ends with error, else 0.
`

// checks are all that doctor looks at, in the order in which it tells of them. Each is on its own but for the ones that
// it names, which stand above it.
var checks = []check{
	{name: "url", run: (*diagnosis).checkURL},
	{name: "platform", needs: []string{"url"}, run: (*diagnosis).checkPlatform},
	{name: "clock", needs: []string{"platform"}, run: (*diagnosis).checkClock},
	{name: "bearer", run: (*diagnosis).checkBearer},
	{name: "access", needs: []string{"platform", "bearer"}, run: (*diagnosis).checkAccess},
	{name: "endpoint", needs: []string{"access"}, run: (*diagnosis).checkEndpoint},
	{name: "cache", run: (*diagnosis).checkCache},
	{name: "hosts", run: (*diagnosis).checkHosts},
	{name: "token", needs: []string{"endpoint", "hosts"}, after: []string{"cache"}, run: (*diagnosis).checkToken},
	{name: "git", run: (*diagnosis).checkGit},
	{name: "git-config", needs: []string{"git"}, run: (*diagnosis).checkGitConfig},
	{name: "git-helper", needs: []string{"git-config", "hosts"}, run: (*diagnosis).checkGitHelper},
	{name: "git-credential", needs: []string{"git-helper", "token"}, run: (*diagnosis).checkGitCredential},
	{name: "askpass", needs: []string{"git-config"}, run: (*diagnosis).checkAskpass},
	{name: "remotes", needs: []string{"git-config", "hosts"}, run: (*diagnosis).checkRemotes},
	{name: "headers", needs: []string{"git-config", "hosts"}, run: (*diagnosis).checkHeaders},
	{name: "rewrites", needs: []string{"git-config", "hosts"}, run: (*diagnosis).checkRewrites},
	{name: "netrc", needs: []string{"hosts"}, run: (*diagnosis).checkNetrc},
	{name: "gh", run: (*diagnosis).checkGH},
	{name: "gh-login", needs: []string{"hosts"}, run: (*diagnosis).checkGHLogin},
	{name: "environment", run: (*diagnosis).checkEnvironment},
}

// check is one question with an answer of one line.
type check struct {
	name  string
	needs []string // checks without whose success there is nothing to see here
	after []string // checks that this one would disturb
	run   func(d *diagnosis, ctx context.Context) finding
}

// checkLimit bounds one check; what waits in the file system for longer is left to its own end.
const checkLimit = 10 * time.Second

// within is what the check finds in its time.
func (k check) within(ctx context.Context, d *diagnosis) finding {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	found := make(chan finding, 1)
	go func() { found <- k.run(d, ctx) }()
	select {
	case f := <-found:
		return f
	case <-time.After(checkLimit + time.Second): // a check that ends with ctx knows better what it waited for
		return wrong("this check didn't end within %s: a file system may hang", checkLimit)
	}
}

// diagnosis is one run of all checks. What a check leaves in it is for those that need it.
type diagnosis struct {
	*Command
	found map[string]*pending

	platformURL endpoint // left by url
	wire        *wire    // left by platform: a transport that remembers
	asked       answer   // left by access
	used        *bearer  // left by bearer
	served      []string // left by hosts
	fresh       secret   // left by token
	gitPath     string   // left by git
	settings    settings // left by git-config
}

// pending is a finding to be. It may be read once done is closed.
type pending struct {
	done chan struct{}
	finding
}

// start begins all checks, each as soon as the ones that it waits for are over.
func (c *Command) start(ctx context.Context) *diagnosis {
	d := &diagnosis{Command: c, found: make(map[string]*pending, len(checks))}
	for _, k := range checks {
		d.found[k.name] = &pending{done: make(chan struct{})}
	}
	for _, k := range checks {
		go func() {
			own := d.found[k.name]
			defer close(own.done)
			for _, name := range slices.Concat(k.needs, k.after) {
				<-d.found[name].done
			}
			for _, name := range k.needs {
				if needed := d.found[name]; needed.status == statusError || needed.status == statusSkipped {
					own.finding = skipped("not checked, because of %s", name)
					return
				}
			}
			own.finding = k.within(ctx, d)
		}()
	}
	return d
}

// doctor tells what is wrong in this workspace and what to do about it.
func (c *Command) doctor(ctx context.Context, args []string) int {
	asJSON := slices.Equal(args, []string{"--json"})
	if len(args) > 0 && !asJSON {
		return c.fail(errArguments)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	d := c.start(ctx)
	r := report{OK: true}
	for _, k := range checks {
		p := d.found[k.name]
		<-p.done
		line := r.add(k.name, p.finding)
		if !asJSON {
			c.printLine(line)
		}
	}
	d.close()
	if asJSON {
		c.printJSON(r)
	}
	if !r.OK {
		return 1
	}
	return 0
}

// close lets go of what the checks held open.
func (d *diagnosis) close() {
	d.wire.close()
	if d.used != nil {
		d.used.disk.close()
	}
}
