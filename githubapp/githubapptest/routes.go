package githubapptest

import (
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// apiVersions are the values of X-GitHub-Api-Version that GitHub takes; the
// first is meant when there is none.
var apiVersions = []string{"2022-11-28", "2026-03-10"}

func (s *Server) newRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]appRoute{
		"GET /app":               s.getApp,
		"GET /app/installations": s.listInstallations,
		"GET /app/installations/{installation_id}":                s.getInstallation,
		"DELETE /app/installations/{installation_id}":             s.deleteInstallation,
		"POST /app/installations/{installation_id}/access_tokens": s.mintUnlessLimited,
		"PUT /app/installations/{installation_id}/suspended":      s.suspendInstallation,
		"DELETE /app/installations/{installation_id}/suspended":   s.unsuspendInstallation,
		"GET /repos/{owner}/{repo}/installation":                  s.repositoryInstallation,
		"GET /repositories/{repository_id}/installation":          s.repositoryInstallationByID,
		"GET /orgs/{account}/installation":                        s.accountInstallation("Organization"),
		"GET /users/{account}/installation":                       s.accountInstallation("User", "Organization"),
		"GET /enterprises/{account}/installation":                 s.accountInstallation("Enterprise"),
	} {
		mux.Handle(pattern, handle)
	}
	for pattern, handle := range map[string]installationRoute{
		"GET /installation/repositories":    s.listRepositories,
		"DELETE /installation/token":        s.deleteToken,
		"GET /repos/{owner}/{repo}":         s.getRepository,
		"GET /repositories/{repository_id}": s.getRepository,
		"GET /user":                         s.getAuthenticatedUser,
	} {
		mux.Handle(pattern, handle)
	}
	for pattern, route := range repositoryRoutes {
		method, below, _ := strings.Cut(pattern, " ")
		mux.Handle(method+" /repos/{owner}/{repo}"+below, route.installationRoute(s))
		mux.Handle(method+" /repositories/{repository_id}"+below, route.installationRoute(s))
	}
	mux.Handle("GET /{$}", publicRoute(s.getRoot))
	mux.Handle("GET /apps/{app_slug}", publicRoute(s.getAppBySlug))
	mux.Handle("GET /users/{username}", publicRoute(s.getUser))
	mux.HandleFunc("GET /rate_limit", s.getRateLimit)
	mux.HandleFunc("POST /graphql", s.graphQL)
	mux.HandleFunc("POST /api/graphql", s.graphQL) // of GitHub Enterprise Server
	// GitHub knows no 405: another method or another path is not found.
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { errNotFound.write(w) })
	return mux
}

// route checks what is the same for all of the API and hands over to git or to
// the route asked for.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	x := exchangeOf(r)
	if x.git {
		s.serveGit(w, r)
		return
	}
	if x.signIn {
		s.signInRoutes.ServeHTTP(w, r)
		return
	}
	if r.UserAgent() == "" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("\r\nRequest forbidden by administrative rules. " +
			"Please make sure your request has a User-Agent header " +
			"(https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required). " +
			"Check https://developer.github.com for other possible causes.\r\n"))
		return
	}
	version := apiVersion(r)
	if !slices.Contains(apiVersions, version) {
		errUnknownAPIVersion.write(w)
		return
	}
	if s.sunset(w.Header(), version) {
		errAPIVersionEnded.write(w)
		return
	}
	w.Header().Set("X-GitHub-Api-Version-Selected", version)
	if x.limited != nil {
		x.limited.write(w)
		return
	}
	if path.Clean(r.URL.Path) != r.URL.Path {
		errNotFound.write(w) // rather than the redirect of ServeMux, which would hide a client's mistake
		return
	}
	s.serveConditional(w, r, s.routes)
}

func apiVersion(r *http.Request) string {
	if version := r.Header.Get("X-GitHub-Api-Version"); version != "" {
		return version
	}
	return apiVersions[0]
}

// appRoute lets handle have requests that carry the JWT of an app.
type appRoute func(http.ResponseWriter, *http.Request, *app)

// ServeHTTP implements [http.Handler].
func (handle appRoute) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := exchangeOf(r).caller
	if c.app == nil {
		c.appErr.write(w)
		return
	}
	handle(w, r, c.app)
}

// installationRoute lets handle have requests that carry a live token, of an
// installation or of a person who acts through one.
type installationRoute func(http.ResponseWriter, *http.Request, session)

// ServeHTTP implements [http.Handler].
func (handle installationRoute) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchangeOf(r)
	session, refusal := x.server.session(x.caller)
	if refusal != nil {
		refusal.write(w)
		return
	}
	handle(w, r, session)
}

var installationPath = regexp.MustCompile(`^/app/installations/([0-9]{1,18})(?:/|$)`)

// installationInPath returns the id in the path of an app's request, and 0 when
// there is none.
func installationInPath(path string) int64 {
	match := installationPath.FindStringSubmatch(path)
	if match == nil {
		return 0
	}
	id, _ := strconv.ParseInt(match[1], 10, 64)
	return id
}
