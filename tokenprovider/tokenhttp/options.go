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
	// Admit is asked at each request, after authentication, about a caller who
	// may have that token otherwise. It gets the principal that the [Source]
	// gets. It should check that the workspace still exists, refuse a bearer
	// that was issued before the workspace's present start, and can limit the
	// requests of a workspace. [ErrForbidden] is answered with 403, a
	// [tokenprovider.Error] of CodeRateLimited with 429 and its RetryAfter, any
	// other error with 503. Nil: every caller is admitted but one whose bearer
	// never expires, who gets a 401; the log says why.
	//
	// To refuse bearers of an earlier start, note the time before each call of
	// the Registry's Run or Plan, by the clock of the process that issues
	// bearers, and test p.IssuedAt.Before(started.Truncate(time.Second)):
	// IssuedAt has whole seconds. It is zero where p is an administrator.
	Admit func(ctx context.Context, p Principal) error

	// Workspace returns what the platform knows about a workspace. The [Source]
	// and the provider get it by [tokenprovider.WorkspaceFrom]. An empty ID is
	// filled in, and the ID of another workspace is an error. Errors are
	// answered like Admit's. Nil: WorkspaceFrom finds none.
	Workspace func(ctx context.Context, id string) (tokenprovider.Workspace, error)

	// Hosts are those that the tokens are for, each `host` or `host:port`. A
	// POST of git's attributes for any other host is refused. Empty but not
	// nil: every such POST is refused. Default: github.com.
	Hosts []string

	// Username is sent with each token: the user name for git's Basic
	// authentication. Default: x-access-token.
	Username string

	// Audit gets the record of each request before the answer is sent, and
	// delays it. If it panics, or takes more than 10 s, the answer is 500 and
	// no token is issued. Its ctx doesn't end when the caller leaves. Nil: only
	// Logger gets the records, and if its handler panics or hangs, no token is
	// issued.
	Audit func(ctx context.Context, r AuditRecord)

	// Logger gets every record, and the errors whose text callers aren't told.
	// Nil: nothing is logged.
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
