package gateway

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// admitInterval lies between two questions whether a workspace that transfers
// something is still admitted.
const admitInterval = 5 * time.Second

// transfers are the requests that are being passed on, by who sent them. While
// there are any, each principal is asked about once in [admitInterval], and what
// it transfers is ended when it isn't admitted any more.
type transfers struct {
	admit func(context.Context, tokenhttp.Principal) error // nil: nobody is asked about
	log   *slog.Logger

	mu      sync.Mutex
	running map[tokenhttp.Principal]map[*transfer]bool
	watched bool // the timer of the next round runs
}

func newTransfers(admit func(context.Context, tokenhttp.Principal) error, log *slog.Logger) *transfers {
	return &transfers{admit: admit, log: log, running: map[tokenhttp.Principal]map[*transfer]bool{}}
}

// transfer is one request that is being passed on. Once it is over it isn't
// broken off any more: that would break the next request of its connection.
type transfer struct {
	mu       sync.Mutex
	breakOff func() // nil: it is over
}

// end breaks the transfer off if it isn't over.
func (t *transfer) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.breakOff != nil {
		t.breakOff()
	}
}

// over says that the transfer is over.
func (t *transfer) over() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.breakOff = nil
}

// begin takes note of a transfer of p's, until the func that it returns is
// called. breakOff neither waits nor calls back.
func (t *transfers) begin(p tokenhttp.Principal, breakOff func()) (done func()) {
	begun := &transfer{breakOff: breakOff}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running[p] == nil {
		t.running[p] = map[*transfer]bool{}
	}
	t.running[p][begun] = true
	t.watch()
	return func() {
		begun.over()
		t.mu.Lock()
		defer t.mu.Unlock()
		if delete(t.running[p], begun); len(t.running[p]) == 0 {
			delete(t.running, p)
		}
	}
}

// watch starts the timer of the next round, if there is something to ask about.
func (t *transfers) watch() {
	if t.admit == nil || t.watched || len(t.running) == 0 {
		return
	}
	t.watched = true
	time.AfterFunc(admitInterval, t.round)
}

// round asks about each principal, all at a time, and has the next round follow
// when the answers are there: an Admit that hangs is asked no more than once.
func (t *transfers) round() {
	t.mu.Lock()
	var asked sync.WaitGroup
	for p := range t.running {
		asked.Go(func() { t.ask(p) })
	}
	t.mu.Unlock()
	asked.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watched = false
	t.watch()
}

// ask asks about p, and ends its transfers when it is forbidden. An Admit that
// can't tell is asked again.
func (t *transfers) ask(p tokenhttp.Principal) {
	ctx, cancel := context.WithTimeout(context.Background(), admitInterval)
	defer cancel()
	_, err := foreign.Within(ctx, "Options.Admit", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, t.admit(ctx, p)
	})
	switch {
	case err == nil:
	case errors.Is(err, tokenhttp.ErrForbidden):
		t.end(p)
	default:
		t.log.Error("admission unavailable during a transfer", "workspace", p.WorkspaceID, "error", err)
	}
}

// end breaks off what p transfers.
func (t *transfers) end(p tokenhttp.Principal) {
	t.mu.Lock()
	running := slices.Collect(maps.Keys(t.running[p]))
	t.mu.Unlock()
	for _, transfer := range running {
		transfer.end()
	}
}
