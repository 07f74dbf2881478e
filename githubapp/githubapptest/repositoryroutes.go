package githubapptest

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
)

// repositoryRoute is a call on a repository's git, and the permission that it
// takes at a level.
type repositoryRoute struct {
	permission, level string
	serve             func(c *call) (status int, answer any, refusal *apiError)
}

// repositoryRoutes are by their method and what their path has below a
// repository's.
var repositoryRoutes = map[string]repositoryRoute{
	"GET /readme":                       {"contents", "read", getReadme},
	"GET /contents":                     {"contents", "read", getContents},
	"GET /contents/{path...}":           {"contents", "read", getContents},
	"PUT /contents/{path...}":           {"contents", "write", putContents},
	"DELETE /contents/{path...}":        {"contents", "write", deleteContents},
	"GET /branches":                     {"contents", "read", listBranches},
	"GET /branches/{branch...}":         {"contents", "read", getBranch},
	"GET /git/ref/{ref...}":             {"contents", "read", getRef},
	"GET /git/matching-refs/{ref...}":   {"contents", "read", listRefs},
	"POST /git/refs":                    {"contents", "write", postRef},
	"PATCH /git/refs/{ref...}":          {"contents", "write", patchRef},
	"DELETE /git/refs/{ref...}":         {"contents", "write", deleteRef},
	"POST /merges":                      {"contents", "write", postMerge},
	"POST /releases":                    {"contents", "write", postRelease},
	"GET /pulls":                        {"pull_requests", "read", listPulls},
	"POST /pulls":                       {"pull_requests", "write", postPull},
	"GET /pulls/{number}":               {"pull_requests", "read", getPull},
	"GET /issues/{number}/comments":     {"pull_requests", "read", listComments},
	"POST /issues/{number}/comments":    {"pull_requests", "write", postComment},
	"PUT /pulls/{number}/merge":         {"contents", "write", putPullMerge},
	"PUT /pulls/{number}/update-branch": {"pull_requests", "write", putPullBranch},
}

// call is one on the git of a repository, by who may make it.
type call struct {
	bare
	server  *Server
	repo    *repository
	session session
	links   links
	w       http.ResponseWriter // for its headers
	request *http.Request
}

// call returns one, when the session has the permission and there is something
// in the repository, which it reaches.
func (s *Server) call(w http.ResponseWriter, r *http.Request, repo *repository, session session, permission, level string) (*call, *apiError) {
	if !session.may(repo, permission, level) {
		return nil, errNotAccessible
	}
	switch {
	case repo.dir != "":
	case strings.Contains(r.URL.Path, "/git/"):
		return nil, &apiError{status: http.StatusConflict, message: "Git Repository is empty."}
	default:
		return nil, errNotFound
	}
	tools, err := s.gitTools()
	if err != nil {
		panic("githubapptest: " + err.Error()) // it made the repository
	}
	return &call{
		bare: bare{tools, filepath.Join(s.gitRoot, repo.dir)}, server: s, repo: repo, session: session,
		links: s.linksFor(r), w: w, request: r,
	}, nil
}

// installationRoute has the route served to who may.
func (route repositoryRoute) installationRoute(s *Server) installationRoute {
	return func(w http.ResponseWriter, r *http.Request, session session) {
		below := strings.SplitN(r.URL.Path, "/", 5)
		repo := s.reached(w, r, session, "/"+below[len(below)-1])
		if repo == nil {
			return
		}
		c, refusal := s.call(w, r, repo, session, route.permission, route.level)
		if refusal != nil {
			refusal.write(w)
			return
		}
		status, answer, refusal := route.serve(c)
		switch {
		case refusal != nil:
			refusal.write(w)
		case answer == nil:
			w.Header().Del("Content-Type")
			w.WriteHeader(status)
		default:
			writeJSON(w, status, answer)
		}
	}
}

// read decodes the request's body, whose members named by required must be
// there.
func (c *call) read(into any, required ...string) *apiError {
	body := exchangeOf(c.request).body
	var members map[string]json.RawMessage
	switch {
	case len(body) == 0:
	case !json.Valid(body):
		return errNotJSON
	case json.Unmarshal(body, &members) != nil:
		return errNotAnObject
	}
	for _, name := range required {
		if members[name] == nil {
			return unprocessable("Invalid request.\n\n\"" + name + "\" wasn't supplied.")
		}
	}
	if members != nil && json.Unmarshal(body, into) != nil {
		return unprocessable("Invalid request.")
	}
	return nil
}

func unprocessable(message string) *apiError {
	return &apiError{status: http.StatusUnprocessableEntity, message: message}
}
