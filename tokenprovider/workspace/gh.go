package workspace

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

const ghDetails = `Runs the real gh with a live token, for gh and what it starts alone. A link named gh, which install makes,
gives that to everybody who types gh.

For github.com the token is in GH_TOKEN. For each other host in PROVISIONKIT_HOSTS it is gh's login, in a
folder that GH_CONFIG_DIR names for gh, with your own settings and your logins for other hosts: what is in
GH_ENTERPRISE_TOKEN gh gives to any server, so that is unset.

A token of your own is kept: the one of GH_TOKEN and GITHUB_TOKEN that gh would take, unless it is an
installation token (ghs_...), which platforms inject; for hosts that are neither github.com nor under
ghe.com it is that of GH_ENTERPRISE_TOKEN and GITHUB_ENTERPRISE_TOKEN. Otherwise the two are unset;
CODESPACES always is. gh auth login, logout, refresh, switch and setup-git, alias and config run with
your own folder and without a token of the platform's.

gh's host is that of --hostname or GH_HOST, else github.com or the first of PROVISIONKIT_HOSTS. For
another host than those it is run as if this program weren't there.

When no token can be had, gh runs without one after a line on standard error. With
PROVISIONKIT_ON_FAILURE=quit, and where gh would act as a login that it stored, it isn't run: the exit
code is 1.

The real gh is PROVISIONKIT_GH, or else the first on the PATH, then in the usual folders, that isn't
this program. Without any the exit code is 127.
`

// gh is a shim before the real gh: it gives it a live token and becomes it.
func (c *Command) gh(ctx context.Context, args []string) int {
	path, err := c.realGH()
	if err != nil {
		c.fail(err)
		return notRun(err)
	}
	run, err := c.prepareGH(ctx, args)
	if err != nil {
		return c.fail(err)
	}
	argv := append([]string{path}, args...)
	if run.lent == "" {
		return c.become(ctx, path, argv, run.environ)
	}
	defer os.RemoveAll(run.lent)
	return c.await(ctx, path, argv, run.environ)
}

// ghRun is what gh is run with.
type ghRun struct {
	environ []string
	lent    string // a folder in it that is to be removed after gh; "" if there is none
}

// prepareGH is what gh with args is run with. What a platform injected isn't in it, since it is likely dead.
func (c *Command) prepareGH(ctx context.Context, args []string) (ghRun, error) {
	depth, err := c.nextDepth()
	if err != nil {
		return ghRun{}, err
	}
	hosts, err := readHosts(c.Env)
	if err != nil {
		return ghRun{}, err
	}
	environ := c.withoutInjected(with(without(c.Environ, envCodespaces), envDepth, depth))
	if link := c.calledAs("gh"); link != "" {
		// Extensions, and the git that gh starts, come back here for a token.
		environ = with(environ, "GH_PATH", link)
	}
	own, isOurs := c.ownGHConfig()
	if isOurs {
		if environ = without(environ, envGHConfig); own != "" {
			environ = with(environ, envGHConfig, own)
		}
	}
	target := c.ghTarget(args, hosts)
	if !target.served || c.hasOwnToken(target.variables()) {
		return c.configure(ghConfig{own: own}, nil, environ)
	}
	if target.implied {
		environ = with(environ, "GH_HOST", target.host)
	}
	if !needsToken(args) {
		return ghRun{environ: environ}, nil
	}
	return c.logIn(ctx, ghConfig{own: own, hosts: hosts}, target, environ)
}

// logIn is what gh is run with for the target: with the token, if there is one.
func (c *Command) logIn(ctx context.Context, config ghConfig, target ghTarget, environ []string) (ghRun, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	var kept *disk
	source, err := openSource(ctx, c.Env)
	if err == nil {
		defer source.close()
		kept = source.disk
		var token string
		token, _, err = source.fresh(ctx)
		config.token = newSecret(token)
	}
	if err == nil {
		given := environ
		if slices.Contains(config.hosts, gitcredential.DefaultHost) && !c.hasOwnToken(cloudVariables) {
			given = with(environ, cloudVariables.first, config.token.reveal())
		}
		var run ghRun
		if run, err = c.configure(config, kept, given); err == nil {
			return run, nil
		}
		config.token = secret{}
	}
	if err := c.withoutToken(target, err); err != nil {
		return ghRun{}, err
	}
	return c.configure(config, kept, environ)
}

// configure is environ with a folder for gh's configuration that is as config says. Without logins of ours the person's own
// does; where there is none either, gh would look in the current folder.
func (c *Command) configure(config ghConfig, kept *disk, environ []string) (ghRun, error) {
	if config.own != "" && !config.logsIn() {
		return ghRun{environ: environ}, nil
	}
	if path, err := config.keep(kept); err == nil {
		return ghRun{environ: with(environ, envGHConfig, path)}, nil
	}
	path, err := config.lend(c.Env("TMPDIR"))
	if err != nil {
		return ghRun{}, fmt.Errorf("gh's configuration can't be made: %w", err)
	}
	return ghRun{environ: with(environ, envGHConfig, path), lent: path}, nil
}

// withoutToken decides what becomes of gh when there is no token because of err: it runs without one, or the result says
// why it doesn't. It must not go on as somebody else.
func (c *Command) withoutToken(target ghTarget, err error) error {
	onFailure, policyErr := readOnFailure(c.Env)
	if policyErr != nil {
		return policyErr
	}
	if onFailure == gitcredential.Quit {
		return fmt.Errorf("gh isn't run: %w", err)
	}
	if login, _ := c.storedLogin(target.host); login != "" {
		return fmt.Errorf("gh isn't run, since it would act as the login in %s: %w", login, err)
	}
	c.fail(fmt.Errorf("gh runs without a token: %w", err))
	return nil
}
