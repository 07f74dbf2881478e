package tokenhttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// Options are the optional parts of a [Handler]. The zero Options are ready to
// use.
type Options struct {
	// Admit is asked after authentication, and only about who may have what
	// they ask for otherwise. It gets the principal that the [Source] gets. It
	// says at each request that the workspace still exists, refuses a bearer of
	// an earlier life of it, and limits requests per workspace. [ErrForbidden]
	// is answered with 403, a [tokenprovider.Error] of CodeRateLimited with 429
	// and its RetryAfter, any other error with 503. Nil: all are admitted but
	// who comes with a bearer that never expires, which nothing would end: 401,
	// and a line in the log that says why.
	//
	// A bearer is of an earlier life when its IssuedAt is before the workspace's
	// present start. IssuedAt has whole seconds, so the start is cut to seconds
	// too, and is noted before the environment is made, by the clock that dates
	// the bearer: p.IssuedAt.Before(started.Truncate(time.Second)). It is zero
	// where p is an administrator.
	Admit func(ctx context.Context, p Principal) error

	// Workspace finds what the platform knows of a workspace. It travels to the
	// [Source] and the provider by [tokenprovider.WithWorkspace]; its ID is set
	// when it is empty, and one of another workspace is refused. Its errors are
	// answered like Admit's. Nil: nothing is known.
	Workspace func(ctx context.Context, id string) (tokenprovider.Workspace, error)

	// Hosts are those whose credentials the tokens are, each `host` or
	// `host:port`: git, which asks by a POST of its attributes, gets no answer
	// for any other. Empty but not nil: it gets none at all. Default:
	// github.com.
	Hosts []string

	// Username goes with each token: the user name that git's Basic
	// authentication needs beside it. Default: x-access-token.
	Username string

	// Audit gets every issue and refusal before it is answered. It holds the
	// request up, so it hands slow work on. A record that it can't take,
	// because it panics or isn't done within 10 s, is answered with 500 and
	// nothing is issued. Its ctx doesn't end when the caller hangs up. Nil: the
	// records go to Logger only, and what its handler can't take, because it
	// panics or hangs, is not issued.
	Audit func(ctx context.Context, r AuditRecord)

	// Logger gets every issue and refusal too, and the reasons that callers
	// aren't told. Nil: nothing is logged.
	Logger *slog.Logger
}

// withDefaults returns o with its defaults, checked.
func (o Options) withDefaults() (Options, error) {
	if o.Username == "" {
		o.Username = gitcredential.DefaultUsername
	}
	if !wire.IsToken(o.Username) || strings.Contains(o.Username, ":") {
		return o, errors.New("tokenhttp: Options.Username has a space, a colon or a control character in it, " +
			"or isn't ASCII")
	}
	hosts := []string{gitcredential.DefaultHost}
	if o.Hosts != nil {
		hosts = nil
		for _, host := range o.Hosts {
			parsed, err := gitcredential.ParseHosts(host)
			if err != nil {
				return o, fmt.Errorf("tokenhttp: Options.Hosts: %w", err)
			}
			hosts = append(hosts, parsed...)
		}
	}
	o.Hosts = hosts
	o.Logger = foreign.Logger(o.Logger)
	return o, nil
}
