// Package refusal keeps what a forge refused, at the thing that the refusal is
// about, so that it isn't asked again for each who wants to know.
package refusal

import (
	"errors"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// How long a refusal is held. It doubles each time that the same is asked and
// refused again.
const (
	first = 30 * time.Second
	most  = 15 * time.Minute

	// A failure that may be over at once says little; the first in a row says
	// nothing.
	firstOfFailures = time.Second
	mostOfFailures  = time.Minute
)

// Held is what is held of one fact: that an installation is suspended, that an
// account has none. The zero Held holds nothing. It is safe for concurrent use.
type Held struct {
	mu    sync.Mutex
	err   error
	tries int
	until time.Time // wall time
}

// Check returns the error that is held, with the time that is left as its
// RetryAfter, and nil when the forge may be asked.
func (h *Held) Check() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	left := time.Until(h.until)
	if h.err == nil || left <= 0 || left > most { // more when the clock was set back
		return nil
	}
	return again(h.err, left)
}

// Note holds err for as long as it is worth: a refusal for 30 s, doubling to 15
// min, a failure that is Retryable, from the second in a row on, for 1 s,
// doubling to a minute. One that limits or held requests speak of is another's.
func (h *Held) Note(err error) {
	code := tokenprovider.CodeOf(err)
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now().Round(0)
	if h.err != nil && now.Before(h.until) {
		return // it was asked before that was known
	}
	h.tries++
	wait := min(first<<min(h.tries-1, 10), most)
	if code == tokenprovider.CodeUnavailable {
		wait = 0
		if h.tries > 1 {
			wait = min(firstOfFailures<<min(h.tries-2, 10), mostOfFailures)
		}
	}
	h.err, h.until = err, now.Add(wait)
}

// Clear ends what is held.
func (h *Held) Clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err, h.tries, h.until = nil, 0, time.Time{}
}

// Until returns what is held, and until when; nil when nothing is.
func (h *Held) Until() (error, time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil || !time.Now().Before(h.until) {
		return nil, time.Time{}
	}
	return h.err, h.until
}

// Empty reports whether nothing is lost with h: nothing is held, and nothing is
// counted.
func (h *Held) Empty() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err == nil || time.Since(h.until) > most
}

// again returns err as the answer to who asks while it is held.
func again(err error, left time.Duration) error {
	held := &tokenprovider.Error{Code: tokenprovider.CodeOf(err), RetryAfter: left, Err: err}
	if e, ok := errors.AsType[*tokenprovider.Error](err); ok && e.Err != nil {
		held.Err = e.Err // its own hint is older
	}
	return held
}
