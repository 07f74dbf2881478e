package wire

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// unjudgedPause lies between two lines that say the same of a whole fleet.
const unjudgedPause = time.Minute

// Unjudged is what says why bearers that never expire are refused where nobody
// is asked whether their workspace still exists: such a bearer couldn't ever be
// taken back. It says so once a minute at most, however many there are. The zero
// Unjudged is ready; it must not be copied and is safe for concurrent use.
type Unjudged struct {
	saidAt atomic.Int64 // in nanoseconds since 1970
}

// Say says so of the workspace.
func (u *Unjudged) Say(ctx context.Context, logger *slog.Logger, workspace string) {
	now, last := time.Now().UnixNano(), u.saidAt.Load()
	if now >= last && now-last < int64(unjudgedPause) || !u.saidAt.CompareAndSwap(last, now) {
		return
	}
	logger.ErrorContext(ctx, "bearer without expiry refused", "workspace", workspace,
		"reason", "Options.Admit is nil: nobody says whether the workspace still exists")
}
