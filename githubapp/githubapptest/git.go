package githubapptest

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/url"
	"regexp"
	"strings"
)

// gitPath is what smart HTTP and Git LFS ask for, with or without .git.
var gitPath = regexp.MustCompile(`^/([^/]+)/([^/]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack|info/lfs/.+)$`)

const (
	uploadPack  = "git-upload-pack"  // clone and fetch
	receivePack = "git-receive-pack" // push
)

// gitService tells whether a request is git's, and of which service; Git LFS
// has none.
func gitService(r *http.Request) (service string, git bool) {
	match := gitPath.FindStringSubmatch(r.URL.Path)
	switch {
	case match == nil:
		return "", false
	case strings.HasPrefix(match[3], lfsPrefix):
		return "", true
	case match[3] != "info/refs":
		return match[3], true
	}
	service = r.URL.Query().Get("service")
	if service != uploadPack && service != receivePack {
		service = "" // the dumb protocol, which GitHub doesn't serve
	}
	return service, true
}

// serveGit checks the token, on each request anew, and has the real git
// http-backend do the rest.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	service, _ := gitService(r)
	match := gitPath.FindStringSubmatch(r.URL.Path)
	rest := match[3]
	if lfs, ok := strings.CutPrefix(rest, lfsPrefix); ok {
		s.serveLFS(w, r, match[1]+"/"+match[2], lfs)
		return
	}
	repo, moved, refusal := s.authorizeGit(r, match[1]+"/"+match[2], service)
	if refusal != nil {
		refusal.write(w)
		return
	}
	if moved && rest == "info/refs" {
		w.Header().Set("Location", s.URL+"/"+repo.fullName()+".git/"+rest+"?"+r.URL.RawQuery)
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	r = r.Clone(r.Context())
	r.URL = &url.URL{Path: "/" + repo.dir + "/" + rest, RawQuery: r.URL.RawQuery}
	// What the CGI gets as its environment, other processes may read.
	r.Header.Del("Authorization")
	if r.ContentLength < 0 || rest == receivePack {
		body, err := s.spool(r)
		if err != nil {
			panic(http.ErrAbortHandler) // the client went away
		}
		defer body.close()
		r.Body, r.ContentLength, r.TransferEncoding = body, body.size, nil
		if rest == receivePack && s.refuseWorkflows(w, r, repo) {
			return
		}
		if _, err := body.Seek(0, io.SeekStart); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	s.backend().ServeHTTP(w, r)
}

// backend runs git http-backend. What it prints besides its answer is dropped.
func (s *Server) backend() *cgi.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &cgi.Handler{
		Path:   s.git.backend,
		Dir:    s.gitRoot,
		Env:    append([]string{"GIT_PROJECT_ROOT=" + s.gitRoot, "GIT_HTTP_EXPORT_ALL=1"}, s.git.env...),
		Logger: log.New(io.Discard, "", 0),
		Stderr: io.Discard,
	}
}

// authorizeGit finds the repository if the request may have it.
func (s *Server) authorizeGit(r *http.Request, fullName, service string) (*repository, bool, *gitError) {
	if len(r.Header.Values("Authorization")) > 1 {
		return nil, false, &gitError{400, `Duplicate header: "Authorization"`}
	}
	c := exchangeOf(r).caller
	if c.scheme == "" {
		return nil, false, &gitError{401, "No anonymous access."}
	}
	if c.user == "" { // also when the scheme isn't Basic
		return nil, false, errGitCredentials
	}
	session, refusal := s.session(c)
	switch refusal {
	case nil:
	case errSuspended:
		return nil, false, &gitError{403, errSuspended.message}
	default:
		if t, ok := s.tokenByHash(c.hash); ok && s.propagating(&t) && !t.revoked && !t.refused {
			return nil, false, errGitNotFound
		}
		return nil, false, errGitCredentials
	}
	repo, moved, err := s.repositoryByName(fullName)
	if err != nil || repo.dir == "" || !session.reaches(repo) {
		return nil, false, errGitNotFound
	}
	may := func(level string) bool { return session.may(repo, "contents", level) }
	switch {
	case service == "":
		return nil, false, &gitError{403, "Please upgrade your git client: GitHub no longer serves the dumb HTTP protocol."}
	case service == receivePack && !may("write"):
		actor, _ := session.actor()
		return nil, false, &gitError{403, fmt.Sprintf("Permission to %s.git denied to %s.", repo.fullName(), actor)}
	case !may("read"):
		return nil, false, &gitError{403, fmt.Sprintf("Read access to %s.git not granted.", repo.fullName())}
	}
	return repo, moved, nil
}

// botName returns the account in whose name an app acts.
func (s *Server) botName(appID int64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.apps[appID].Slug + "[bot]"
}

// gitError is a refusal in plain text, which git shows its user as "remote:
// ...".
type gitError struct {
	status  int
	message string
}

var (
	errGitCredentials = &gitError{401, "Invalid username or token. " +
		"Password authentication is not supported for Git operations."}
	errGitNotFound = &gitError{404, "Repository not found."}
)

// writeHeader asks for credentials where they are what is missing.
func (e *gitError) writeHeader(w http.ResponseWriter) {
	if e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
	}
}

func (e *gitError) write(w http.ResponseWriter) {
	e.writeHeader(w)
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.WriteHeader(e.status)
	_, _ = io.WriteString(w, e.message)
}
