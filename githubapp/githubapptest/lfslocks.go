package githubapptest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// lfsLock is a file that one account keeps for itself.
type lfsLock struct {
	ID       string            `json:"id"`
	Path     string            `json:"path"`
	LockedAt string            `json:"locked_at"`
	Owner    map[string]string `json:"owner"`
}

// isOf reports whether the lock is the caller's.
func (l lfsLock) isOf(name string) bool { return l.Owner["name"] == name }

// serveLFSLocks answers what is asked about locks: create, list, verify and
// unlock. rest is the path behind info/lfs/.
func (s *Server) serveLFSLocks(w http.ResponseWriter, r *http.Request, repo *repository, rest string, body *json.Decoder) {
	c := exchangeOf(r).caller
	name := cmp.Or(c.login, s.botName(c.appID))
	id, unlocks := strings.CutSuffix(strings.TrimPrefix(rest, "locks/"), "/unlock")
	switch r.Method + " " + rest {
	case "GET locks":
		query := r.URL.Query()
		locks := s.lfsLocksOf(repo, func(l lfsLock) bool {
			return (query.Get("path") == "" || query.Get("path") == l.Path) && (query.Get("id") == "" || query.Get("id") == l.ID)
		})
		writeJSON(w, http.StatusOK, map[string]any{"locks": locks})
	case "POST locks/verify":
		writeJSON(w, http.StatusOK, map[string]any{
			"ours":   s.lfsLocksOf(repo, func(l lfsLock) bool { return l.isOf(name) }),
			"theirs": s.lfsLocksOf(repo, func(l lfsLock) bool { return !l.isOf(name) }),
		})
	case "POST locks":
		var asked struct {
			Path string `json:"path"`
		}
		if body.Decode(&asked) != nil || asked.Path == "" {
			writeLFSError(w, http.StatusUnprocessableEntity, "a lock needs a path")
			return
		}
		lock, made := s.addLFSLock(repo, name, asked.Path)
		if !made {
			writeJSON(w, http.StatusConflict, map[string]any{"lock": lock, "message": "already created lock"})
			return
		}
		writeJSON(w, http.StatusCreated, map[string]any{"lock": lock})
	default:
		if !unlocks || r.Method != http.MethodPost {
			writeLFSError(w, http.StatusNotFound, "Not Found")
			return
		}
		var asked struct {
			Force bool `json:"force"`
		}
		_ = body.Decode(&asked)
		switch lock, found, removed := s.removeLFSLock(repo, name, id, asked.Force); {
		case !found:
			writeLFSError(w, http.StatusNotFound, "Lock not found")
		case !removed:
			writeLFSError(w, http.StatusForbidden, "the lock is "+lock.Owner["name"]+"'s")
		default:
			writeJSON(w, http.StatusOK, map[string]any{"lock": lock})
		}
	}
}

// lfsLocksOf returns the locks of a repository that match.
func (s *Server) lfsLocksOf(repo *repository, match func(lfsLock) bool) []lfsLock {
	s.mu.Lock()
	defer s.mu.Unlock()
	locks := []lfsLock{}
	for _, l := range s.lfsLocks[repo.id] {
		if match(l) {
			locks = append(locks, l)
		}
	}
	return locks
}

// addLFSLock locks a path; false when it is locked already, and by which lock.
func (s *Server) addLFSLock(repo *repository, name, path string) (lfsLock, bool) {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lfsLocks[repo.id] {
		if l.Path == path {
			return l, false
		}
	}
	s.nextID++
	lock := lfsLock{
		ID: strconv.FormatInt(s.nextID, 10), Path: path, LockedAt: timestamp(now),
		Owner: map[string]string{"name": name},
	}
	s.lfsLocks[repo.id] = append(s.lfsLocks[repo.id], lock)
	return lock, true
}

// removeLFSLock unlocks, another's lock by force alone; found is false when
// there is no such lock, and removed when it stays.
func (s *Server) removeLFSLock(repo *repository, name, id string, force bool) (lock lfsLock, found, removed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, l := range s.lfsLocks[repo.id] {
		switch {
		case l.ID != id:
			continue
		case !l.isOf(name) && !force:
			return l, true, false
		}
		s.lfsLocks[repo.id] = slices.Delete(s.lfsLocks[repo.id], n, n+1)
		return l, true, true
	}
	return lfsLock{}, false, false
}
