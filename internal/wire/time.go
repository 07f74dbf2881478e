package wire

import "time"

// Expired reports whether what lives until expiresAt is dead at now; with a zero
// expiresAt it never is. Both are compared by the wall clock: a monotonic one
// stands still while a machine sleeps.
func Expired(expiresAt, now time.Time) bool {
	return !expiresAt.IsZero() && !now.Round(0).Before(expiresAt)
}

// FormatTime returns t as the answers carry it: RFC 3339 in UTC, in whole seconds
// rounded down. It is "" for a time that isn't known.
func FormatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return Sayable(t).Format(time.RFC3339)
}

// Sayable returns t in whole seconds of UTC, or the nearest time that RFC 3339
// has digits for: a provider may use any time for one that never comes. What lies
// before all of them isn't known, and is the zero time.
func Sayable(t time.Time) time.Time {
	switch t = t.UTC().Truncate(time.Second); {
	case t.Year() > 9999:
		return time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
	case t.Year() < 0:
		return time.Time{}
	}
	return t
}
