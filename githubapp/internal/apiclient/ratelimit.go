package apiclient

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// How long a rate limit is taken to hold: without a hint, and at most.
const (
	defaultHold = time.Minute
	maxHold     = time.Hour
)

// limited reports whether r is a rate limit. A 403 is one only with
// Retry-After, with no requests remaining, or with the text of the secondary
// limit: the time of a reset alone is on nearly every answer.
func limited(r *Refusal, header http.Header) bool {
	switch r.Status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusForbidden:
		return header.Get("Retry-After") != "" || noneRemaining(header) || secondaryLimit(r)
	}
	return false
}

func noneRemaining(header http.Header) bool { return header.Get("X-RateLimit-Remaining") == "0" }

func secondaryLimit(r *Refusal) bool {
	message, document := strings.ToLower(r.Message), strings.ToLower(r.DocumentationURL)
	return strings.Contains(message, "secondary rate limit") ||
		strings.Contains(message, "abuse detection") ||
		strings.Contains(document, "secondary-rate-limits") ||
		strings.Contains(document, "abuse-rate-limits")
}

// retryAfter returns how long to wait, by the hints in the order of GitHub's
// documentation. now is by GitHub's clock.
func retryAfter(header http.Header, now time.Time) time.Duration {
	wait := defaultHold
	if hint := header.Get("Retry-After"); hint != "" {
		if hinted, ok := wire.ParseRetryAfter(hint, now, maxHold); ok {
			wait = hinted
		}
	} else if noneRemaining(header) {
		reset, err := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64)
		if err == nil && reset > 0 {
			wait = time.Duration(min(reset-now.Unix(), int64(maxHold/time.Second))) * time.Second
		}
	}
	return min(max(wait, time.Second), maxHold)
}

// hold keeps all of an app's requests back while a rate limit lasts: they draw
// on one limit, and GitHub bans who goes on. The zero hold is open.
type hold struct {
	until atomic.Int64 // wall time in Unix nanoseconds
}

// extend holds requests back for at least d from now.
func (h *hold) extend(d time.Duration) {
	now := time.Now()
	until := now.Add(d).UnixNano()
	for {
		old := h.until.Load()
		if old >= until && h.left(now) > 0 || h.until.CompareAndSwap(old, until) {
			return
		}
	}
}

// check returns an error while requests are held back.
func (h *hold) check() error {
	left := h.left(time.Now())
	if left == 0 {
		return nil
	}
	return &Error{
		Code:       tokenprovider.CodeRateLimited,
		RetryAfter: left,
		Err: fmt.Errorf("GitHub's rate limit was hit; the app's requests are held back for another %s",
			left.Round(time.Second)),
	}
}

// left returns for how much longer requests are held back.
func (h *hold) left(now time.Time) time.Duration {
	left := time.Duration(h.until.Load() - now.UnixNano())
	if left > maxHold { // the clock was set back
		return 0
	}
	return max(left, 0)
}
