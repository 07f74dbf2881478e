package ghshim

import (
	"context"
	"fmt"
	"slices"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/platform"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/self"
)

// run is what gh is run with.
type run struct {
	target   target
	environ  []string
	folder   *folder           // of gh's configuration; nil: the person's own will do
	token    secret.Of[string] // which is in the two; "": none
	wanted   string            // the repository that the token is for; "": any
	setAside string            // the variable with an own token that isn't in them; "": none
	wired    bool              // there is nothing to run: git is set up
}

// prepare returns what gh with args is run with. What a platform injected isn't
// in it, since it is likely dead.
func prepare(ctx context.Context, p *process.Process, args []string) (run, error) {
	depth, err := nextDepth(p)
	if err != nil {
		return run{}, err
	}
	gateway, err := config.ReadGateway(p.Env)
	if err != nil {
		return run{}, err
	}
	pulls := p.Env(wire.EnvURL) != ""
	if !pulls && gateway == nil {
		return run{environ: process.With(p.Environ, wire.EnvGHDepth, depth)}, nil
	}
	hosts, err := config.ReadHosts(p.Env)
	if err != nil {
		return run{}, err
	}
	if !pulls {
		hosts = nil
	}
	r := run{target: targetOf(p, args, hosts, gateway)}
	environ := process.With(process.Without(p.Environ, EnvCodespaces), wire.EnvGHDepth, depth)
	environ = withoutInjected(p, environ)
	if link := self.CalledAs(p, "gh"); link != "" {
		// Extensions, and the git that gh starts, come back here for a token.
		environ = process.With(environ, "GH_PATH", link)
	}
	own, isOurs := ownFolder(p)
	if isOurs {
		if environ = process.Without(environ, envFolder); own != "" {
			environ = process.With(environ, envFolder, own)
		}
	}
	if own == "" { // gh would look in the current folder
		r.folder = &folder{}
	}
	r.environ = environ
	if needsToken(args) && p.Env(wire.EnvGHDepth) == "" { // what gh starts has our token
		r.setAside = r.target.variables().setAside(p)
	}
	ownToken := hasOwnToken(p, r.target.variables())
	if r.target.implied && (r.target.gateway || !ownToken) {
		r.environ = process.With(environ, "GH_HOST", r.target.host)
	}
	if !r.target.served || ownToken {
		return r, nil
	}
	if !needsToken(args) {
		r.wired = setsUpGit(args)
		return r, nil
	}
	if r.target.gateway {
		return r.authenticate(ctx, p)
	}
	r.wanted = repositoryOf(ctx, p, args, hosts)
	return r.logIn(ctx, p, own, hosts)
}

// authenticate returns r with the workspace's bearer, by which gh gets through
// the gateway. Where no variable has it or names its file, it is in gh's own
// configuration.
func (r run) authenticate(ctx context.Context, p *process.Process) (run, error) {
	if p.Env(wire.EnvBearerFile) == "" && p.Env(wire.EnvBearer) == "" {
		return r, nil
	}
	var bearer string
	e, err := config.Endpoint{}.WithBearer(p.Env)
	if err == nil {
		bearer, _, err = platform.NewBearer(e).Token(ctx)
	}
	if err != nil {
		return r, r.withoutToken(p, err)
	}
	r.environ = process.With(r.environ, serverVariables.first, bearer)
	return r, nil
}

// logIn returns r with the token, if there is one.
func (r run) logIn(
	ctx context.Context, p *process.Process, own string, hosts []string,
) (run, error) {
	ctx, cancel := context.WithTimeout(ctx, process.Timeout)
	defer cancel()
	source, err := platform.Open(p.Env)
	if err != nil {
		return r, r.withoutToken(p, err)
	}
	token, _, err := source.Fresh(tokenprovider.WithRepository(ctx, r.wanted))
	if err != nil {
		return r, r.withoutToken(p, err)
	}
	r.token = secret.New(token)
	if slices.Contains(hosts, gitcredential.DefaultHost) && !hasOwnToken(p, cloudVariables) {
		r.environ = process.With(r.environ, cloudVariables.first, token)
	}
	if f := (folder{own: own, hosts: hosts, token: r.token}); f.logsIn() {
		r.folder = &f
	}
	return r, nil
}

// withoutFolder returns r for where the folder can't be made because of err.
// GH_TOKEN needs none.
func (r run) withoutFolder(p *process.Process, err error) (run, error) {
	if r.folder.own == "" {
		r.environ = process.With(r.environ, envFolder, nowhere)
	}
	if r.token.Reveal() == "" || r.target.host == gitcredential.DefaultHost {
		return r, nil
	}
	r.environ = process.Without(r.environ, cloudVariables.first)
	r.token = secret.Of[string]{}
	return r, r.withoutToken(p, err)
}

// withoutToken decides what becomes of gh when there is no token because of
// err: it runs without one, or the error says why it doesn't. It must not go on
// as somebody else.
func (r run) withoutToken(p *process.Process, err error) error {
	onFailure, policyErr := config.ReadOnFailure(p.Env)
	if policyErr != nil {
		return policyErr
	}
	if onFailure == gitcredential.Quit {
		return fmt.Errorf("gh isn't run: %w", err)
	}
	if login, _ := StoredLogin(p, r.target.host); login != "" {
		return fmt.Errorf("gh isn't run, since it would act as the login in %s: %w", login, err)
	}
	p.Fail(fmt.Errorf("gh runs without a token: %w", err))
	return nil
}
