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

	helper, err := open(p)
	if err != nil {
		return p.Fail(err)
	}
	if helper.Run(ctx, p.Args[1], p.Stdin, p.Stdout, p.Stderr) != nil {
		return 1
	}
	return 0
}

// credential answers a get of git's as the command does, without a word to a
// person.
func credential(
	ctx context.Context, p *process.Process, request io.Reader, answer io.Writer,
) error {
	helper, err := open(p)
	if err != nil {
		return err
	}
	return helper.Run(ctx, "get", request, answer, io.Discard)
}

// open returns git's helper as the environment configures it. Without an
// endpoint to ask only a request for one of our hosts makes that an error, with
// what OnFailure says.
func open(p *process.Process) (*gitcredential.Helper, error) {
	hosts, err := config.ReadHosts(p.Env)
	if err != nil {
		return nil, err
	}
	onFailure, err := config.ReadOnFailure(p.Env)
	if err != nil {
		return nil, err
	}
	cacheFor, err := config.ReadCacheFor(p.Env)
	if err != nil {
		return nil, err
	}
	helper := &gitcredential.Helper{Hosts: hosts, OnFailure: onFailure, Cacheable: cacheFor > 0}
	source, err := platform.Open(p.Env)
	switch {
	case err != nil:
		helper.Provider = tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			return "", time.Time{}, err
		})
	case p.Args[1] == "get":
		helper.Provider = source
	default: // git waits for erase, and has failed already; doctor tells what is
		helper.Provider = source.Once()
	}
	return helper, nil
}
