package ghshim

import (
	"context"
	"fmt"
	"slices"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/platform"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/self"
)

// run is what gh is run with.
type run struct {
	environ []string
	lent    string // a folder in it that is to be removed after gh; "" if there is none
}

// prepare returns what gh with args is run with. What a platform injected isn't
// in it, since it is likely dead.
func prepare(ctx context.Context, p *process.Process, args []string) (run, error) {
	depth, err := nextDepth(p)
	if err != nil {
		return run{}, err
	}
	hosts, err := config.ReadHosts(p.Env)
	if err != nil {
		return run{}, err
	}
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
	t := targetOf(p, args, hosts)
	if !t.served || hasOwnToken(p, t.variables()) {
		return configure(p, folder{own: own}, environ)
	}
	if t.implied {
		environ = process.With(environ, "GH_HOST", t.host)
	}
	if !needsToken(args) {
		return run{environ: environ}, nil
	}
	return logIn(ctx, p, folder{own: own, hosts: hosts}, t, environ)
}

// logIn returns what gh is run with for the target: with the token, if there is
// one.
func logIn(
	ctx context.Context, p *process.Process, f folder, t target, environ []string,
) (run, error) {
	ctx, cancel := context.WithTimeout(ctx, process.Timeout)
	defer cancel()

	source, err := platform.Open(p.Env)
	if err == nil {
		var token string
		token, _, err = source.Fresh(ctx)
		f.token = secret.New(token)
	}
	if err == nil {
		given := environ
		if slices.Contains(f.hosts, gitcredential.DefaultHost) && !hasOwnToken(p, cloudVariables) {
			given = process.With(environ, cloudVariables.first, f.token.Reveal())
		}
		var r run
		if r, err = configure(p, f, given); err == nil {
			return r, nil
		}
		f.token = secret.Of[string]{}
	}
	if err := withoutToken(p, t, err); err != nil {
		return run{}, err
	}
	return configure(p, f, environ)
}

// configure returns environ with a folder for gh's configuration that is as f
// says. Without logins of ours the person's own will do; where there is none
// either, gh would look in the current folder.
func configure(p *process.Process, f folder, environ []string) (run, error) {
	if f.own != "" && !f.logsIn() {
		return run{environ: environ}, nil
	}
	path, err := f.lend(p.Env("TMPDIR"))
	if err != nil {
		return run{}, fmt.Errorf("gh's configuration can't be made: %w", err)
	}
	return run{environ: process.With(environ, envFolder, path), lent: path}, nil
}

// withoutToken decides what becomes of gh when there is no token because of
// err: it runs without one, or the error says why it doesn't. It must not go on
// as somebody else.
func withoutToken(p *process.Process, t target, err error) error {
	onFailure, policyErr := config.ReadOnFailure(p.Env)
	if policyErr != nil {
		return policyErr
	}
	if onFailure == gitcredential.Quit {
		return fmt.Errorf("gh isn't run: %w", err)
	}
	if login, _ := StoredLogin(p, t.host); login != "" {
		return fmt.Errorf("gh isn't run, since it would act as the login in %s: %w", login, err)
	}
	p.Fail(fmt.Errorf("gh runs without a token: %w", err))
	return nil
}
