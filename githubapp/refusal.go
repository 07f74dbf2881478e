package githubapp

import (
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// How long a refusal is held, doubling each time in a row; at most, what may be
// over by itself.
const (
	firstRefused = 30 * time.Second
	maxRefused   = 15 * time.Minute
	maxRetryable = time.Minute
)

// refusal is what GitHub refused of one fact, so that it isn't asked again for
// each who wants to know. The zero refusal holds nothing. It is safe for
// concurrent use.
type refusal struct {
	mu    sync.Mutex
	err   error
	inRow int
	until time.Time // wall time
}

// check returns the error that is held, with the time that is left as its
// RetryAfter, and nil when GitHub may be asked. A nil r holds nothing.
func (r *refusal) check() error {
	until, err := r.held()
	if err == nil {
		return nil
	}
	again := &tokenprovider.Error{Code: tokenprovider.CodeOf(err), RetryAfter: time.Until(until), Err: err}
	if e, ok := err.(*tokenprovider.Error); ok {
		again.Err = e.Err // the text would tell the hint twice
	}
	return again
}

// held returns until when what is held, nil when nothing is.
func (r *refusal) held() (until time.Time, err error) {
	if r == nil {
		return time.Time{}, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if left := time.Until(r.until); r.err == nil || left <= 0 || left > maxRefused { // more when the clock was set back
		return time.Time{}, nil
	}
	return r.until, r.err
}

// hold holds err, longer than the last time. What was asked before that is known
// changes nothing.
func (r *refusal) hold(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now().Round(0)
	if left := r.until.Sub(now); r.err != nil && left > 0 && left <= maxRefused {
		return
	}
	most := maxRefused
	if tokenprovider.CodeOf(err) == tokenprovider.CodeUnavailable {
		most = maxRetryable
	}
	r.err, r.until = err, now.Add(min(firstRefused<<min(r.inRow, 16), most))
	r.inRow++
}

// known reports whether something was refused last, held still or not.
func (r *refusal) known() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err != nil
}

// clear ends what is held.
func (r *refusal) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err, r.inRow, r.until = nil, 0, time.Time{}
}

// old reports whether nothing is lost with r.
func (r *refusal) old() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.until) > maxRefused
}
