package apiclient

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// appSubject is whose limit the requests with the app's JWT draw on.
const appSubject = "app"

// maxLimits bounds whose limits are remembered.
const maxLimits = 100

// limits are the rate limits as GitHub's answers told them last. The zero
// limits know none.
type limits struct {
	mu     sync.Mutex
	known  map[string]tokenprovider.Limit // by subject
	warned time.Time                      // the Reset of the app's limit of which the log has been told
}

// note remembers what an answer told of the subject's limit, and reports whether
// the log is to be told of it.
func (l *limits) note(subject string, header http.Header, theirs *clock) (seen tokenprovider.Limit, near bool) {
	limit, err := strconv.Atoi(header.Get("X-RateLimit-Limit"))
	remaining, err2 := strconv.Atoi(header.Get("X-RateLimit-Remaining"))
	if err != nil || err2 != nil || limit < 0 || remaining < 0 || subject == "" {
		return seen, false // of a server without limits, or nobody's
	}
	seen = tokenprovider.Limit{Subject: subject, Limit: limit, Remaining: remaining, SeenAt: time.Now().Round(0)}
	if reset, err := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64); err == nil && reset > 0 {
		seen.Reset = theirs.local(time.Unix(reset, 0))
	}
	return seen, l.remember(seen)
}

// remember reports whether the app's limit comes near, less than a tenth being
// left, for the first time in a window.
func (l *limits) remember(seen tokenprovider.Limit) (near bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = make(map[string]tokenprovider.Limit)
	}
	if _, ok := l.known[seen.Subject]; !ok && len(l.known) >= maxLimits {
		oldest := seen
		for _, k := range l.known {
			if k.Subject != appSubject && k.SeenAt.Before(oldest.SeenAt) {
				oldest = k
			}
		}
		delete(l.known, oldest.Subject)
	}
	l.known[seen.Subject] = seen
	near = seen.Subject == appSubject && seen.Remaining < (seen.Limit+9)/10 &&
		seen.Reset.Sub(l.warned) >= time.Minute
	if near {
		l.warned = seen.Reset
	}
	return near
}

func (l *limits) all() []tokenprovider.Limit {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.known))
}
