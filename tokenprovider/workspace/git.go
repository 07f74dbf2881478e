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

	hosts, err := readHosts(c.Env)
	if err != nil {
		return c.fail(err)
	}
	onFailure, err := readOnFailure(c.Env)
	if err != nil {
		return c.fail(err)
	}
	helper := &gitcredential.Helper{Hosts: hosts, OnFailure: onFailure}
	source, err := openSource(ctx, c.Env)
	if err != nil {
		// Only a request for one of our hosts makes it an error, with what OnFailure says.
		helper.Provider = tokenprovider.Func(func(context.Context) (string, time.Time, error) { return "", time.Time{}, err })
	} else {
		helper.Provider = source
		defer source.close()
	}
	if helper.Run(ctx, c.Args[1], c.Stdin, c.Stdout, c.Stderr) != nil {
		return 1
	}
	if source != nil {
		source.renewBearer(ctx)
	}
	return 0
}
