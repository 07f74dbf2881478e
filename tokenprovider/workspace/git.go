package workspace

import (
	"context"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// git does what git asks of a credential helper; the operation is the name of the subcommand.
func (c *Command) git(ctx context.Context, args []string) int {
	if len(args) > 0 {
		return c.fail(errArguments)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	helper, source, err := c.helper(ctx)
	if err != nil {
		return c.fail(err)
	}
	if source != nil {
		defer source.close()
	}
	err = helper.Run(ctx, c.Args[1], c.Stdin, c.Stdout, c.Stderr)
	if source != nil {
		source.renewBearer(ctx)
	}
	if err != nil {
		return 1
	}
	return 0
}

// helper is git's helper as the environment configures it, and where its tokens come from. That is nil without an
// endpoint to ask; only a request for one of our hosts makes it an error then, with what OnFailure says.
func (c *Command) helper(ctx context.Context) (*gitcredential.Helper, *source, error) {
	hosts, err := readHosts(c.Env)
	if err != nil {
		return nil, nil, err
	}
	onFailure, err := readOnFailure(c.Env)
	if err != nil {
		return nil, nil, err
	}
	helper := &gitcredential.Helper{Hosts: hosts, OnFailure: onFailure}
	source, err := openSource(ctx, c.Env)
	if err != nil {
		helper.Provider = tokenprovider.Func(func(context.Context) (string, time.Time, error) { return "", time.Time{}, err })
		return helper, nil, nil
	}
	helper.Provider = source
	return helper, source, nil
}
