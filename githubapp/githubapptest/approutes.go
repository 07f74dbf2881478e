package githubapptest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (s *Server) getApp(w http.ResponseWriter, r *http.Request, a *app) {
	writeJSON(w, http.StatusOK, s.linksFor(r).app(a, len(s.installationsOf(a.ID))))
}

func (s *Server) listInstallations(w http.ResponseWriter, r *http.Request, a *app) {
	installations := s.installationsOf(a.ID)
	if since, err := time.Parse(time.RFC3339, r.URL.Query().Get("since")); err == nil {
		installations = slices.DeleteFunc(installations, func(i *installation) bool { return i.updatedAt.Before(since) })
	}
	list := []installationJSON{} // never null
	for _, i := range paginate(w, r, installations) {
		list = append(list, s.linksFor(r).installation(i, a))
	}
	writeJSON(w, http.StatusOK, list)
}

// named returns the installation that the path names, or nil after it has
// answered that there is none.
func (s *Server) named(w http.ResponseWriter, r *http.Request, a *app) *installation {
	id, err := strconv.ParseInt(r.PathValue("installation_id"), 10, 64)
	if err == nil {
		if i, ok := s.installation(id, a.ID); ok {
			return i
		}
	}
	errNotFound.write(w)
	return nil
}

func (s *Server) getInstallation(w http.ResponseWriter, r *http.Request, a *app) {
	if i := s.named(w, r, a); i != nil {
		writeJSON(w, http.StatusOK, s.linksFor(r).installation(i, a))
	}
}

func (s *Server) deleteInstallation(w http.ResponseWriter, r *http.Request, a *app) {
	if i := s.named(w, r, a); i != nil {
		s.Uninstall(i.ID)
		if apiVersion(r) == apiVersions[0] {
			noContent(w)
			return
		}
		writeJSON(w, http.StatusAccepted, struct{}{})
	}
}

func (s *Server) suspendInstallation(w http.ResponseWriter, r *http.Request, a *app) {
	if i := s.named(w, r, a); i != nil {
		s.Suspend(i.ID, true)
		noContent(w)
	}
}

func (s *Server) unsuspendInstallation(w http.ResponseWriter, r *http.Request, a *app) {
	if i := s.named(w, r, a); i != nil {
		s.Suspend(i.ID, false)
		noContent(w)
	}
}

func (s *Server) repositoryInstallation(w http.ResponseWriter, r *http.Request, a *app) {
	repo, moved, err := s.repositoryByName(r.PathValue("owner") + "/" + r.PathValue("repo"))
	switch {
	case err != nil:
		errNotFound.write(w)
	case moved:
		s.redirectMoved(w, r, repo, "/installation")
	default:
		s.writeInstallationOf(w, r, repo, a)
	}
}

func (s *Server) repositoryInstallationByID(w http.ResponseWriter, r *http.Request, a *app) {
	id, _ := strconv.ParseInt(r.PathValue("repository_id"), 10, 64)
	repo, ok := s.repositoryByID(id)
	if !ok {
		errNotFound.write(w)
		return
	}
	s.writeInstallationOf(w, r, repo, a)
}

func (s *Server) writeInstallationOf(w http.ResponseWriter, r *http.Request, repo *repository, a *app) {
	for _, i := range s.installationsOf(a.ID) {
		if i.reaches(repo) {
			writeJSON(w, http.StatusOK, s.linksFor(r).installation(i, a))
			return
		}
	}
	errNotFound.write(w)
}

// accountInstallation finds an app's installation on an account of one of the
// types.
func (s *Server) accountInstallation(types ...string) func(http.ResponseWriter, *http.Request, *app) {
	return func(w http.ResponseWriter, r *http.Request, a *app) {
		for _, i := range s.installationsOf(a.ID) {
			if strings.EqualFold(i.Account, r.PathValue("account")) && slices.Contains(types, i.AccountType) {
				writeJSON(w, http.StatusOK, s.linksFor(r).installation(i, a))
				return
			}
		}
		errNotFound.write(w)
	}
}

// redirectMoved sends a client from a repository's former name to its id.
// Another method than GET must not change on the way, hence 307.
func (s *Server) redirectMoved(w http.ResponseWriter, r *http.Request, repo *repository, rest string) {
	url := apiURL(r) + "/repositories/" + strconv.FormatInt(repo.id, 10) + rest
	status := http.StatusMovedPermanently
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		status = http.StatusTemporaryRedirect
	}
	writeRedirect(w, status, url)
}

// writeRedirect answers with GitHub's body for a redirect.
func writeRedirect(w http.ResponseWriter, status int, url string) {
	w.Header().Set("Location", url)
	writeJSON(w, status, map[string]string{
		"message":           "Moved Permanently",
		"url":               url,
		"documentation_url": docs + "/guides/best-practices-for-using-the-rest-api#follow-redirects",
	})
}

func noContent(w http.ResponseWriter) {
	w.Header().Del("Content-Type")
	w.WriteHeader(http.StatusNoContent)
}
