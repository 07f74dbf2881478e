package apiclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/molecule-ai/provisionkit/githubapp/internal/appkey"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// ask makes a request that isn't held back. One that probes whether GitHub
// takes the app again tries one key alone: however many there are, there is one
// request.
func (c *Client) ask(ctx context.Context, r Request, probes bool) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	var tried []*appkey.Key
	corrected, overtaken := false, 0
	for {
		// What the answer is wanted for must not set how often is signed: a
		// mint asks for more life than a JWT has.
		token, _, err := c.jwts.Token(tokenprovider.WithMinTTL(ctx, 0))
		if err != nil {
			return nil, fmt.Errorf("sign the app's JWT: %w", err)
		}
		got, err := c.send(ctx, r, token)
		made := c.signer.last.Load()
		mine := made != nil && made.jwt == token
		if err == nil {
			if mine {
				c.config.Keys.Accepted(made.key)
			}
			return got, nil
		}
		failure, ok := errors.AsType[*Error](err)
		if !ok || failure.Refusal == nil || failure.Refusal.Status != http.StatusUnauthorized {
			return nil, err
		}
		again := false
		switch refusal := failure.Refusal; {
		case !mine: // another call was refused before and has had a new one signed
			overtaken++
			again = overtaken <= c.config.Keys.Len()+1
		case refusal.clockRefused() && !corrected:
			corrected = true
			again = c.clock.correct(made.theirs, failure.theirs)
			if again {
				c.config.Logger.Warn("clock differs from GitHub's; corrected",
					"app", c.config.App, "skew", skewOf(c.clock.learnt.Load()))
			}
		case refusal.clockRefused():
			c.clock.giveUp(made.theirs)
		case refusal.keyRefused():
			tried = append(tried, made.key)
			c.config.Keys.Failed(made.key)
			changed, reloaded := c.config.Keys.Reload()
			again = changed || !probes && c.config.Keys.Another(tried)
			if again {
				c.config.Logger.Warn("key was refused; another is tried",
					"app", c.config.App, "refused", made.key.Fingerprint())
			} else {
				err = failure.withKeys(tried, reloaded)
			}
		}
		if mine {
			c.dropJWT(made)
		}
		if !again {
			return nil, err
		}
	}
}

// dropJWT drops a JWT that is good no longer, unless another call has.
func (c *Client) dropJWT(made *signature) {
	if made != nil && c.signer.last.CompareAndSwap(made, nil) {
		c.jwts.Drop()
	}
}

// withKeys returns e, a refusal of the last key that there is, with the keys
// that were tried and why the key file couldn't be read again.
func (e *Error) withKeys(tried []*appkey.Key, reloaded error) error {
	fingerprints := make([]string, len(tried))
	for n, k := range tried {
		fingerprints[n] = k.Fingerprint()
	}
	with := *e
	with.Err = fmt.Errorf("%w; refused: %s", e.Err, strings.Join(fingerprints, ", "))
	if reloaded != nil {
		with.Err = fmt.Errorf("%w; the key file couldn't be read again: %w", with.Err, reloaded)
	}
	return &with
}
