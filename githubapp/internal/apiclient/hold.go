package apiclient

import (
	"errors"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// How long a hold lasts: this, doubling each time in a row. A limit begins with
// what GitHub says.
const (
	firstRefused, maxRefused = 30 * time.Second, 15 * time.Minute
	firstEnded, maxEnded     = 30 * time.Second, time.Minute
	firstDown, maxDown       = time.Second, time.Minute
	retryProbe               = time.Second           // while another request finds out whether a hold is over
	probeTurn                = 50 * time.Millisecond // until the next look whether it has
)

// hold is something that isn't asked for. The zero hold is open.
type hold struct {
	err     *Error    // what GitHub gave; nil: open
	until   time.Time // wall time
	inRow   int       // failures in a row
	probing bool      // a request is under way that tells whether it is over
	changes int       // counts them: what was asked before a change says nothing of what came after
	answers int       // of the gate, at the last failure
	tokens  bool      // of the app, while GitHub is down: requests with a token fail, too
}

// left returns for how much longer h is held. It is 0 when it is over, or the
// clock was set back.
func (h *hold) left(now time.Time) time.Duration {
	if left := h.until.Sub(now); h.err != nil && left > 0 && left <= maxHold {
		return left
	}
	return 0
}

// check returns an error while h is held.
func (h *hold) check(now time.Time) error {
	if h == nil || h.err == nil {
		return nil
	}
	left := h.left(now)
	if left == 0 && !h.probing {
		return nil
	}
	return h.err.held(max(left, retryProbe))
}

// held returns e for a request that isn't made because of it. Who hears of a
// refusal is to ask again soon: a key file that changes ends the hold, and who
// waits elsewhere for its time to pass wouldn't know.
func (e *Error) held(left time.Duration) error {
	with := *e
	with.Held, with.RetryAfter = true, left
	if e.Code != tokenprovider.CodeRateLimited {
		with.RetryAfter = min(left, firstRefused)
	}
	note := fmt.Sprintf("requests are held back for another %s", left.Round(time.Second))
	with.Err = errors.New(note)
	if e.Err != nil {
		with.Err = fmt.Errorf("%w; %s", e.Err, note)
	}
	return &with
}

// extend holds h back for longer than the last time and returns for how long.
func (h *hold) extend(v verdict, err *Error, now time.Time) time.Duration {
	var wait time.Duration
	switch shift := min(h.inRow, 16); v {
	case limited:
		wait = min(err.RetryAfter<<shift, maxRefused)
		wait = max(wait, err.RetryAfter)
	case refused:
		wait = min(firstRefused<<shift, maxRefused)
	case ended:
		wait = min(firstEnded<<shift, maxEnded)
	case down:
		wait = min(max(firstDown<<shift, err.RetryAfter), maxDown)
	}
	h.err, h.until, h.probing = err, now.Add(wait), false
	h.inRow++
	h.changes++
	return wait
}
