package provisionhook

import (
	"context"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
)

// Timeout returns m with a deadline: the ctx of each call ends after d. It
// covers m's [FileMutator] and [Releaser] too; MutateEnv and MutateFiles share
// one deadline.
//
// The deadline is cooperative. m is never abandoned, because it would go on and
// write when nobody expects it. One that ignores its ctx is waited for, and if
// it succeeds after all, it has. A timeout fails this run only.
//
// Inside [FailOpen], a timeout is reported and the chain goes on:
// FailOpen(Timeout(m, d), report). The other way round it ends the chain:
// FailOpen doesn't swallow the end of the ctx that it is given. A nil m gives
// nil, a d of zero or less no deadline. Timeout calls m's Name, and a panic of
// that goes on to its caller.
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
