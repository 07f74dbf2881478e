package workspace

import (
	"context"
	"io"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/platform"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// git does what git asks of a credential helper; the operation is the name of
// the subcommand.
func git(ctx context.Context, p *process.Process, args []string) int {
	if len(args) > 0 {
		return p.Fail(process.ErrArguments)
	}
	ctx, cancel := context.WithTimeout(ctx, process.Timeout)
	defer cancel()

	helper, source, err := open(ctx, p)
	if err != nil {
		return p.Fail(err)
	}
	if source != nil {
		defer source.Close()
	}
	err = helper.Run(ctx, p.Args[1], p.Stdin, p.Stdout, p.Stderr)
	if source != nil {
		source.RenewBearer(ctx)
	}
	if err != nil {
		return 1
	}
	return 0
}

// credential answers a get of git's as the command does, without a word to a
// person.
func credential(
	ctx context.Context, p *process.Process, request io.Reader, answer io.Writer,
) error {
	helper, source, err := open(ctx, p)
	if err != nil {
		return err
	}
	if source != nil {
		defer source.Close()
	}
	return helper.Run(ctx, "get", request, answer, io.Discard)
}

// open returns git's helper as the environment configures it, and where its
// tokens come from. That is nil without an endpoint to ask; only a request for
// one of our hosts makes it an error then, with what OnFailure says.
func open(ctx context.Context, p *process.Process) (*gitcredential.Helper, *platform.Source, error) {
	hosts, err := config.ReadHosts(p.Env)
	if err != nil {
		return nil, nil, err
	}
	onFailure, err := config.ReadOnFailure(p.Env)
	if err != nil {
		return nil, nil, err
	}
	helper := &gitcredential.Helper{Hosts: hosts, OnFailure: onFailure}
	source, err := platform.Open(ctx, p.Env)
	if err != nil {
		helper.Provider = tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			return "", time.Time{}, err
		})
		return helper, nil, nil
	}
	helper.Provider = source
	return helper, source, nil
}
