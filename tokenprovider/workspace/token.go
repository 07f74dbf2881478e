package workspace

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

const tokenDetails = `Prints a live token of the platform, with ten minutes or half of its life left. With --json it is an object
with "token" and, if that is known, "expires_at".
`

// token prints a live token: alone, or with --json as an object with its expiry, if that is known.
func (c *Command) token(ctx context.Context, args []string) int {
	asJSON := slices.Equal(args, []string{"--json"})
	if len(args) > 0 && !asJSON {
		return c.fail(errArguments)
	}
	token, expiresAt, err := c.fetch(ctx)
	if err != nil {
		return c.fail(err)
	}
	output := []byte(token)
	if asJSON {
		if output, err = json.Marshal(struct {
			Token     string    `json:"token"`
			ExpiresAt time.Time `json:"expires_at,omitzero"`
		}{token, expiresAt.UTC()}); err != nil {
			return c.fail(err)
		}
	}
	if _, err := c.Stdout.Write(append(output, '\n')); err != nil {
		return c.fail(err)
	}
	return 0
}

// fetch is a live token for a subcommand that hands it on.
func (c *Command) fetch(ctx context.Context) (string, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	source, err := openSource(ctx, c.Env)
	if err != nil {
		return "", time.Time{}, err
	}
	defer source.close()
	return source.fresh(ctx)
}

// fresh is a token to hand on, with as much of its life left as git gets.
func (s *source) fresh(ctx context.Context) (string, time.Time, error) {
	token, expiresAt, err := s.Token(tokenprovider.WithMinTTL(ctx, gitcredential.DefaultMinTTL))
	s.renewBearer(ctx)
	return token, expiresAt, err
}
