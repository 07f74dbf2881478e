package workspace

import (
	"context"
	"fmt"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

const ghDetails = `Runs the real gh with a live token in GH_TOKEN, for gh and what it starts alone. A link named gh, which
install makes, gives that to everybody who types gh.

A token of your own is kept: the one of GH_TOKEN and GITHUB_TOKEN that gh would take, unless it is an
installation token (ghs_...), which platforms inject. Otherwise GITHUB_TOKEN is unset; CODESPACES always
is. gh auth login, logout, refresh, switch and setup-git run without a token of the platform's.

Only hosts in PROVISIONKIT_HOSTS get the token; gh's host is that of --hostname or GH_HOST, else
github.com or the first of those hosts. One that is neither github.com nor under ghe.com has
GH_ENTERPRISE_TOKEN and GITHUB_ENTERPRISE_TOKEN in place of the two.

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
	environ, err := c.ghEnviron(ctx, args)
	if err != nil {
		return c.fail(err)
	}
	return c.become(ctx, path, append([]string{path}, args...), environ)
}

// ghEnviron is the environment for gh with args. What a platform injected is in none, since it is likely dead.
func (c *Command) ghEnviron(ctx context.Context, args []string) ([]string, error) {
	depth, err := c.nextDepth()
	if err != nil {
		return nil, err
	}
	hosts, err := readHosts(c.Env)
	if err != nil {
		return nil, err
	}
	environ := with(without(c.Environ, envCodespaces), envDepth, depth)
	if link := c.calledAs("gh"); link != "" {
		// Extensions, and the git that gh starts, come back here for a token.
		environ = with(environ, "GH_PATH", link)
	}
	for _, name := range []string{"GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"} {
		if isInstallationToken(c.Env(name)) {
			environ = without(environ, name)
		}
	}
	target := c.ghTarget(args, hosts)
	if !target.served || c.hasOwnToken(target) {
		return environ, nil
	}
	environ = without(environ, target.variable, target.second)
	if target.implied {
		environ = with(environ, "GH_HOST", target.host)
	}
	if !needsToken(args) {
		return environ, nil
	}
	token, _, err := c.fetch(ctx)
	if err != nil {
		return environ, c.withoutToken(target, err)
	}
	return with(environ, target.variable, token), nil
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
