package githubapptest

import (
	"net/http"
	"sync"
	"time"
)

// mintLimit is the secondary rate limit on the mints of each app.
type mintLimit struct {
	most int // in a minute; 0: any number

	mu   sync.Mutex
	apps map[int64]*mintCount
}

// mintCount is what an app asked for of late.
type mintCount struct {
	asked []time.Time // within the last minute, the oldest first
	until time.Time   // refused before
}

// take counts a request for a token. Where it is one too many, it returns for
// how long the app is refused.
func (l *mintLimit) take(appID int64) (refused time.Duration) {
	if l.most <= 0 {
		return 0
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.apps == nil {
		l.apps = map[int64]*mintCount{}
	}
	c := l.apps[appID]
	if c == nil {
		c = new(mintCount)
		l.apps[appID] = c
	}
	for len(c.asked) > 0 && now.Sub(c.asked[0]) >= time.Minute {
		c.asked = c.asked[1:]
	}
	if !now.Before(c.until) && len(c.asked) >= l.most {
		c.until = now.Add(time.Minute)
	}
	if now.Before(c.until) {
		return c.until.Sub(now)
	}
	c.asked = append(c.asked, now)
	return 0
}

// mintUnlessLimited answers a request for a token.
func (s *Server) mintUnlessLimited(w http.ResponseWriter, r *http.Request, a *app) {
	if refused := s.mintLimit.take(a.ID); refused > 0 {
		SecondaryLimit(http.StatusForbidden, refused)(w, r, nil)
		return
	}
	s.mint(w, r, a)
}
