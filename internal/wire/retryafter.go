package wire

import (
	"net/http"
	"strconv"
	"time"
)

// ParseRetryAfter returns how long a Retry-After header asks to wait (RFC 9110,
// section 10.2.3): seconds, or a date, which is taken from now. It is at most
// most, zero for a date that is over, and false for anything else.
func ParseRetryAfter(value string, now time.Time, most time.Duration) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(value, 10, 63); err == nil {
		return time.Duration(min(seconds, uint64(most/time.Second))) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), most), true
	}
	return 0, false
}

// SetRetryAfter sets the Retry-After header to d in whole seconds, rounded up;
// for a d of zero or less it sets none.
func SetRetryAfter(header http.Header, d time.Duration) {
	if d > 0 {
		header.Set("Retry-After", strconv.FormatInt(int64(WholeSeconds(d)/time.Second), 10))
	}
}

// WholeSeconds returns d rounded up to seconds.
func WholeSeconds(d time.Duration) time.Duration {
	whole := d.Truncate(time.Second)
	if whole < d && whole+time.Second > whole {
		return whole + time.Second
	}
	return whole
}
