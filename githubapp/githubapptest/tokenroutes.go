package githubapptest

import (
	"net/http"
	"slices"
	"strconv"
)

func (s *Server) listRepositories(w http.ResponseWriter, r *http.Request, session session) {
	if session.user != nil {
		errNoInstallationToken.write(w)
		return
	}
	reached := slices.DeleteFunc(s.repositoriesOf(session.installation()), func(repo *repository) bool {
		return !session.reaches(repo)
	})
	selection := session.installation().RepositorySelection
	if session.token.repositories != nil {
		selection = "selected"
	}
	list := []map[string]any{} // never null
	for _, repo := range paginate(w, r, reached) {
		list = append(list, s.linksFor(r).repository(repo, session))
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"total_count": len(reached), "repositories": list, "repository_selection": selection,
	})
}

// deleteToken revokes the token that the request carries.
func (s *Server) deleteToken(w http.ResponseWriter, r *http.Request, session session) {
	if session.user != nil {
		errNotAccessible.write(w)
		return
	}
	hash := exchangeOf(r).caller.hash
	s.mu.Lock()
	if t, ok := s.tokens.byHash[hash]; ok {
		markRevoked(t)
	}
	s.mu.Unlock()
	noContent(w)
}

func (s *Server) getRepository(w http.ResponseWriter, r *http.Request, session session) {
	if repo := s.reached(w, r, session, ""); repo != nil {
		writeJSON(w, http.StatusOK, s.linksFor(r).fullRepository(repo, session))
	}
}

// reached returns the repository that a path names, by owner and name or by its
// id, if the session reaches it. Otherwise it returns nil, and the request is
// answered: what was renamed is sent on to the path by id, with rest behind it.
func (s *Server) reached(w http.ResponseWriter, r *http.Request, session session, rest string) *repository {
	repo, moved, ok := s.namedIn(r)
	switch {
	case !ok || !session.reaches(repo):
		errNotFound.write(w)
	case moved:
		s.redirectMoved(w, r, repo, rest)
	default:
		return repo
	}
	return nil
}

func (s *Server) namedIn(r *http.Request) (repo *repository, moved, ok bool) {
	if number := r.PathValue("repository_id"); number != "" {
		id, _ := strconv.ParseInt(number, 10, 64)
		repo, ok = s.repositoryByID(id)
		return repo, false, ok
	}
	repo, moved, err := s.repositoryByName(r.PathValue("owner") + "/" + r.PathValue("repo"))
	return repo, moved, err == nil
}
