package apiclient

import (
	"net/http"
	"sync"
)

// maxAnnounced bounds how many announcements are remembered, and so how often
// the log is told.
const maxAnnounced = 16

// announcements are what GitHub told of the end of what the app uses. The zero
// announcements are none.
type announcements struct {
	mu   sync.Mutex
	seen map[[2]string]bool
}

// note reports whether header announces an end that hasn't been told: the
// fields Deprecation (RFC 9745) and Sunset (RFC 8594).
func (a *announcements) note(header http.Header) (deprecation, sunset string, isNew bool) {
	deprecation, sunset = header.Get("Deprecation"), header.Get("Sunset")
	if deprecation == "" && sunset == "" {
		return "", "", false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	said := [2]string{deprecation, sunset}
	if a.seen[said] || len(a.seen) >= maxAnnounced {
		return "", "", false
	}
	if a.seen == nil {
		a.seen = make(map[[2]string]bool)
	}
	a.seen[said] = true
	return Redact(deprecation, ""), Redact(sunset, ""), true
}
