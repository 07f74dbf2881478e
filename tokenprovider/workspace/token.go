package workspace

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// token prints a live token: alone, or with --json as an object with its expiry, if that is known.
func (c *Command) token(ctx context.Context, args []string) int {
	asJSON := slices.Equal(args, []string{"--json"})
	if len(args) > 0 && !asJSON {
		return c.fail(errArguments)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	source, err := openSource(ctx, c.Env)
	if err != nil {
		return c.fail(err)
	}
	defer source.close()
	token, expiresAt, err := source.Token(tokenprovider.WithMinTTL(ctx, gitcredential.DefaultMinTTL))
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
	source.renewBearer(ctx)
	return 0
}
