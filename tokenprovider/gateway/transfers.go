package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// admitInterval lies between two questions whether a workspace that transfers
// something is still admitted.
const admitInterval = 5 * time.Second

// transfers are the requests that are being passed on, by who sent them. While
// there are any, each principal is asked about once in [admitInterval], and what
// it transfers is ended when it isn't admitted any more.
type transfers struct {
	admit func(context.Context, tokenhttp.Principal) error
	log   *slog.Logger

	mu      sync.Mutex
	running map[tokenhttp.Principal]map[*func()]bool
	watched bool // the timer of the next round runs
}

func newTransfers(admit func(context.Context, tokenhttp.Principal) error, log *slog.Logger) *transfers {
	return &transfers{admit: admit, log: log, running: map[tokenhttp.Principal]map[*func()]bool{}}
}

// begin takes note of a transfer of p's, which end breaks off, until the func
// that it returns is called.
func (t *transfers) begin(p tokenhttp.Principal, end func()) (done func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running[p] == nil {
		t.running[p] = map[*func()]bool{}
	}
	t.running[p][&end] = true
	t.watch()
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if delete(t.running[p], &end); len(t.running[p]) == 0 {
			delete(t.running, p)
		}
	}
}

// watch starts the timer of the next round, if there is something to ask about.
func (t *transfers) watch() {
	if t.watched || len(t.running) == 0 {
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
	err := t.admit(ctx, p)
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
	var ends []func()
	for end := range t.running[p] {
		ends = append(ends, *end)
	}
	t.mu.Unlock()
	for _, end := range ends {
		end()
	}
}
