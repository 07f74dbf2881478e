package apiclient

import (
	"net/http"
	"sync"
)

// heed takes note of what the headers of an answer tell beside the answer.
func (c *Client) heed(r Request, header http.Header) {
	if limit, near := c.limits.note(r.Subject, header, c.clock); near {
		c.config.Logger.Warn("GitHub's rate limit comes near",
			"app", c.config.App, "remaining", limit.Remaining, "limit", limit.Limit, "reset", limit.Reset)
	}
	if deprecation, sunset, isNew := c.announcements.note(header); isNew {
		c.config.Logger.Warn("GitHub announces the end of what is used",
			"app", c.config.App, "request", r.Method+" "+r.Path, "api_version", c.config.APIVersion,
			"deprecation", deprecation, "sunset", sunset)
	}
}

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
