package apiclient

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

// How long a rate limit is taken to hold: without a hint, and at most.
const (
	defaultHold = time.Minute
	maxHold     = time.Hour
	lockOutHold = 5 * time.Minute // GitHub tells no time, and to ask again makes it worse
)

// limits reports whether r is a rate limit. A 403 is one only with Retry-After,
// with no requests remaining, or with the text of the secondary limit or of a
// lock-out: the time of a reset alone is on nearly every answer.
func (r *Refusal) limits(header http.Header) bool {
	switch r.Status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusForbidden:
		return header.Get("Retry-After") != "" || noneRemaining(header) || r.secondary() || r.says(lockedOut)
	}
	return false
}

func noneRemaining(header http.Header) bool { return header.Get("X-RateLimit-Remaining") == "0" }

// secondary reports whether r is the secondary limit: too much at once, which
// no header announces.
func (r *Refusal) secondary() bool {
	message, document := strings.ToLower(r.Message), strings.ToLower(r.DocumentationURL)
	return strings.Contains(message, "secondary rate limit") ||
		strings.Contains(message, "abuse detection") ||
		strings.Contains(document, "secondary-rate-limits") ||
		strings.Contains(document, "abuse-rate-limits")
}

// retryAfter returns how long to wait, by the hints in the order of GitHub's
// documentation. now is by GitHub's clock, as far as that is known; where the
// answer's own Date makes the wait shorter, that counts: a clock that is wrong
// costs a request then, and not an hour.
func retryAfter(header http.Header, now time.Time) time.Duration {
	wait := waitFrom(header, now)
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		wait = min(wait, waitFrom(header, date))
	}
	return min(max(wait, time.Second), maxHold)
}

// waitFrom returns how long to wait from now on.
func waitFrom(header http.Header, now time.Time) time.Duration {
	if hint := header.Get("Retry-After"); hint != "" {
		if hinted, ok := wire.ParseRetryAfter(hint, now, maxHold); ok {
			return max(hinted, time.Second)
		}
	} else if noneRemaining(header) {
		reset, err := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64)
		if err == nil && reset > 0 {
			return max(time.Duration(min(reset-now.Unix(), int64(maxHold/time.Second)))*time.Second, time.Second)
		}
	}
	return defaultHold
}
