package main

import (
	"context"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/internal/sleep"
)

const (
	beatPause = 200 * time.Millisecond

	// tooLate is how long a beat takes at least that is a stall. A token takes
	// several such requests, one after the other.
	tooLate = beatPause + 500*time.Millisecond
)

// watch notes a stall whenever a beat, a short sleep and a request that needs
// no token, takes too long. It ends with ctx.
func (w *world) watch(ctx context.Context) {
	for w.history.beats(w.began); sleep.For(ctx, beatPause); w.history.beats(w.began) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.forge.URL+"/rate_limit", nil)
		if err != nil {
			return
		}
		if resp, err := w.forge.Client().Do(req); err == nil {
			_ = resp.Body.Close()
		}
	}
}

// beats begins a beat, which ends the one before, in a run that began then.
func (hs *history) beats(began time.Time) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	now := time.Now()
	if took := now.Sub(hs.beat); !hs.beat.IsZero() && took > tooLate {
		f := fault{kind: stall, at: hs.beat.Sub(began), lasts: took}
		hs.happenings = append(hs.happenings, happening{fault: f, began: hs.beat, ended: now})
	}
	hs.beat = now
}
