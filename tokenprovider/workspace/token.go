package workspace

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/platform"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

const tokenDetails = `Prints a live token of the platform, with ten minutes or half of its life left. With
--json it is an object with "token" and, if that is known, "expires_at".
`

// token prints a live token: alone, or with --json as an object with its
// expiry, if that is known.
func token(ctx context.Context, p *process.Process, args []string) int {
	asJSON := slices.Equal(args, []string{"--json"})
	if len(args) > 0 && !asJSON {
		return p.Fail(process.ErrArguments)
	}
	_, token, expiresAt, err := fetch(ctx, p)
	if err != nil {
		return p.Fail(err)
	}
	output := []byte(token)
	if asJSON {
		if output, err = json.Marshal(struct {
			Token     string    `json:"token"`
			ExpiresAt time.Time `json:"expires_at,omitzero"`
		}{token, expiresAt.UTC()}); err != nil {
			return p.Fail(err)
		}
	}
	if _, err := p.Stdout.Write(append(output, '\n')); err != nil {
		return p.Fail(err)
	}
	return 0
}

// fetch returns a live token for a subcommand that hands it on, and the user
// name that goes with it.
func fetch(ctx context.Context, p *process.Process) (username, token string, expiresAt time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, process.Timeout)
	defer cancel()

	source, err := platform.Open(p.Env)
	if err != nil {
		return "", "", time.Time{}, err
	}
	token, expiresAt, err = source.Fresh(ctx)
	return cmp.Or(source.Username(), gitcredential.DefaultUsername), token, expiresAt, err
}
