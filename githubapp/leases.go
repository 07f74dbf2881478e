package githubapp

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/internal/secret"
)

// leases are which workspaces use which installation, and the tokens that they were handed. The zero leases are ready.
// No method waits for anything.
type leases struct {
	mu      sync.Mutex
	shares  map[*Installation]*share
	sweepAt time.Time
	undead  map[string][]issued // tokens of released workspaces that couldn't be revoked
}

// share is an installation in use by workspaces.
type share struct {
	workspaces map[string]struct{}
	tokens     []issued
	used       time.Time // last
}

// shareIdle is how long a share is kept that nobody uses: longer than a call for a token takes, and about as long as a token lives.
const shareIdle = time.Hour

// over reports whether nothing is lost with s: there is nothing to revoke. Its workspaces may have been released by
// another replica.
func (s *share) over(now time.Time) bool {
	return now.Sub(s.used) > shareIdle && !slices.ContainsFunc(s.tokens, func(t issued) bool { return !t.dead() })
}

// sweep lets shares go that are over.
func (l *leases) sweep(now time.Time) {
	maps.DeleteFunc(l.shares, func(_ *Installation, s *share) bool { return s.over(now) })
	l.sweepAt = now.Add(shareIdle / 4)
}

// issued is a token that a workspace has seen.
type issued struct {
	token     secret.Of[string]
	expiresAt time.Time
}

func (t issued) is(token string) bool { return secret.Equal(t.token.Reveal(), token) }

func (t issued) dead() bool { return !t.expiresAt.IsZero() && !time.Now().Before(t.expiresAt) }

// take notes that the workspace uses i.
func (l *leases) take(workspaceID string, i *Installation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.After(l.sweepAt) {
		l.sweep(now)
	}
	s := l.shares[i]
	if s == nil {
		s = &share{workspaces: map[string]struct{}{}}
		if l.shares == nil {
			l.shares = map[*Installation]*share{}
		}
		l.shares[i] = s
	}
	s.workspaces[workspaceID] = struct{}{}
	s.used = now
}

// issue notes that the workspace is handed t, which kept says it may be. It may not when it was released meanwhile; t is
// orphaned when nobody else uses i either, and no longer held.
func (l *leases) issue(workspaceID string, i *Installation, t issued) (kept, orphaned bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.shares[i]
	if s == nil {
		i.cache.Load().Drop()
		return false, true
	}
	if _, uses := s.workspaces[workspaceID]; !uses {
		return false, false
	}
	if !slices.ContainsFunc(s.tokens, func(other issued) bool { return other.is(t.token.Reveal()) }) {
		s.tokens = append(slices.DeleteFunc(s.tokens, issued.dead), t)
	}
	return true, false
}

// end is what is to be revoked now that the workspace is released: the tokens that no other uses. They are no longer
// held, so that whoever comes next gets new ones. The installations are those that held them.
func (l *leases) end(workspaceID string) (tokens []issued, ended []*Installation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tokens = l.undead[workspaceID]
	delete(l.undead, workspaceID)
	for i, s := range l.shares {
		if _, uses := s.workspaces[workspaceID]; !uses {
			continue
		}
		delete(s.workspaces, workspaceID)
		if len(s.workspaces) == 0 {
			delete(l.shares, i)
			i.cache.Load().Drop()
			tokens, ended = append(tokens, s.tokens...), append(ended, i)
		}
	}
	return slices.DeleteFunc(tokens, issued.dead), ended
}

// keep notes a token of a released workspace that couldn't be revoked.
func (l *leases) keep(workspaceID string, t issued) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.undead == nil {
		l.undead = map[string][]issued{}
	}
	for id, tokens := range l.undead {
		if tokens = slices.DeleteFunc(tokens, issued.dead); len(tokens) == 0 {
			delete(l.undead, id)
		} else {
			l.undead[id] = tokens
		}
	}
	l.undead[workspaceID] = append(l.undead[workspaceID], t)
}

// holders are the installations of which a workspace was handed that token.
func (l *leases) holders(token string) []*Installation {
	l.mu.Lock()
	defer l.mu.Unlock()
	var holders []*Installation
	for i, s := range l.shares {
		if slices.ContainsFunc(s.tokens, func(t issued) bool { return t.is(token) }) {
			holders = append(holders, i)
		}
	}
	return holders
}

// installations are all that are in use.
func (l *leases) installations() []*Installation {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(time.Now())
	all := make([]*Installation, 0, len(l.shares))
	for i := range l.shares {
		all = append(all, i)
	}
	return all
}
