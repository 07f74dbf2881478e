package githubapptest

import (
	"net/http"
	"slices"
	"strconv"
)

func (s *Server) listRepositories(w http.ResponseWriter, r *http.Request, session session) {
	reached := slices.DeleteFunc(s.repositoriesOf(session.installation), func(repo *repository) bool {
		return !session.token.reaches(session.installation, repo)
	})
	selection := session.installation.RepositorySelection
	if session.token.repositories != nil {
		selection = "selected"
	}
	list := []map[string]any{} // never null
	for _, repo := range paginate(w, r, reached) {
		list = append(list, s.linksFor(r).repository(repo, session.installation))
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"total_count": len(reached), "repositories": list, "repository_selection": selection,
	})
}

// deleteToken revokes the token that the request carries.
func (s *Server) deleteToken(w http.ResponseWriter, r *http.Request, _ session) {
	hash := exchangeOf(r).caller.hash
	s.mu.Lock()
	if t, ok := s.tokens.byHash[hash]; ok {
		markRevoked(t)
	}
	s.mu.Unlock()
	noContent(w)
}

func (s *Server) getRepository(w http.ResponseWriter, r *http.Request, session session) {
	repo, moved, err := s.repositoryByName(r.PathValue("owner") + "/" + r.PathValue("repo"))
	switch {
	case err != nil || !session.token.reaches(session.installation, repo):
		errNotFound.write(w)
	case moved:
		s.redirectMoved(w, r, repo, "")
	default:
		writeJSON(w, http.StatusOK, s.linksFor(r).fullRepository(repo, session.installation))
	}
}

func (s *Server) getRepositoryByID(w http.ResponseWriter, r *http.Request, session session) {
	id, _ := strconv.ParseInt(r.PathValue("repository_id"), 10, 64)
	repo, ok := s.repositoryByID(id)
	if !ok || !session.token.reaches(session.installation, repo) {
		errNotFound.write(w)
		return
	}
	writeJSON(w, http.StatusOK, s.linksFor(r).fullRepository(repo, session.installation))
}

// refuseUser answers GET /user: an installation is no user, so it is no test of a token.
func (s *Server) refuseUser(w http.ResponseWriter, _ *http.Request, _ session) {
	errNotAccessible.write(w)
}
