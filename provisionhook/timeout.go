package provisionhook

import (
	"context"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
)

// Timeout returns a mutator that calls m with a ctx that ends after d, also as
// a [FileMutator] and a [Releaser]. MutateEnv and MutateFiles share one
// deadline.
//
// The deadline is cooperative: if m ignores its ctx, Timeout waits for it, and
// if m then succeeds, so does the call.
//
// Put it inside [FailOpen], as FailOpen(Timeout(m, d), report): then a timeout
// is reported and the chain goes on. The other way round a timeout ends the
// chain.
//
// With a nil m it returns nil, and with a d of zero or less there is no
// deadline. It calls m's Name, and doesn't recover from a panic of that.
func Timeout(m EnvMutator, d time.Duration) EnvMutator {
	if foreign.IsNil(m) {
		return nil
	}
	return decorate("provisionhook.Timeout", m, m.Name(),
		func(ctx context.Context, _ string, work draft, inside inside) error {
			if d <= 0 {
				return inside(ctx, work)
			}
			limited, cancel := context.WithTimeout(ctx, d)
			defer cancel()
			err := inside(limited, work)
			if err != nil && limited.Err() != nil && ctx.Err() == nil {
				return fmt.Errorf("not done within %s: %w", d, err)
			}
			return err
		})
}
