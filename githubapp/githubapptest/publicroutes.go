package githubapptest

import (
	"net/http"
	"strings"
)

// publicRoute lets handle have requests of anybody, but for those with
// credentials that are wrong.
type publicRoute func(http.ResponseWriter, *http.Request)

// ServeHTTP implements [http.Handler].
func (handle publicRoute) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchangeOf(r)
	if x.caller.scheme != "" && x.caller.app == nil {
		if _, refusal := x.server.session(x.caller); refusal != nil {
			refusal.write(w)
			return
		}
	}
	handle(w, r)
}

// getAppBySlug answers with an app as everybody may see it.
func (s *Server) getAppBySlug(w http.ResponseWriter, r *http.Request) {
	a, ok := s.appBySlug(r.PathValue("app_slug"))
	if !ok {
		errNotFound.write(w)
		return
	}
	public := s.linksFor(r).app(a, 0)
	delete(public, "installations_count") // which is the app's own to know
	writeJSON(w, http.StatusOK, public)
}

// getUser answers with the bot of an app, a user, or an account that has an
// installation; the server knows no other.
func (s *Server) getUser(w http.ResponseWriter, r *http.Request) {
	login := r.PathValue("username")
	if slug, ok := strings.CutSuffix(login, "[bot]"); ok {
		if a, ok := s.appBySlug(slug); ok {
			writeJSON(w, http.StatusOK, s.linksFor(r).publicUser(a.Slug+"[bot]", "Bot"))
			return
		}
	}
	if u, ok := s.userNamed(login); ok {
		writeJSON(w, http.StatusOK, s.linksFor(r).person(u))
		return
	}
	if i, ok := s.installationOn(login); ok && i.AccountType != "Enterprise" {
		writeJSON(w, http.StatusOK, s.linksFor(r).publicUser(i.Account, i.AccountType))
		return
	}
	errNotFound.write(w)
}

func (s *Server) appBySlug(slug string) (*app, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.apps {
		if strings.EqualFold(a.Slug, slug) {
			return a, true
		}
	}
	return nil, false
}

// installationOn finds any app's installation on an account.
func (s *Server) installationOn(account string) (*installation, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.installations {
		if strings.EqualFold(i.Account, account) {
			return i, true
		}
	}
	return nil, false
}
