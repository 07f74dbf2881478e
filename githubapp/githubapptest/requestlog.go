package githubapptest

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"
)

// Request is one request that reached the server. It never holds a token, a JWT
// or a key.
type Request struct {
	Time           time.Time // when it came, by the machine's clock
	Method         string
	Path           string // as sent, without the query
	Query          string // as sent
	Status         int    // of the answer; 0 while there is none, and for good when the connection broke before
	AuthScheme     string // as sent: Bearer, token, Basic; "" without credentials
	TokenSHA256    string // of the token or JWT presented, in standard base64: so GitHub's audit log names tokens
	AppID          int64  // of the app whose JWT or token was presented; 0 when the server knows neither
	InstallationID int64  // of the installation whose token was presented, dead or alive, or that the path names
	Login          string // of the person whose user access token was presented, dead or alive
	APIVersion     string // X-GitHub-Api-Version
	UserAgent      string
	Body           []byte // of an API request, with anything that looks like a token or a JWT blanked out
	Git            bool   // a request of git's or Git LFS's, not of the API
	GitService     string // git-upload-pack (clone, fetch), git-receive-pack (push), or "": Git LFS for example
	Breach         string // what is wrong with the request, see [Options].OnBreach; "" for nothing
}

// requestLog is what [Server.Requests] and the counters read.
type requestLog struct {
	mu         sync.Mutex
	requests   []*Request
	mints      int
	signatures map[string]struct{}
}

// Requests returns the log so far, oldest first. It is a copy and the caller's
// own.
func (s *Server) Requests() []Request {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	requests := make([]Request, len(s.log.requests))
	for i, r := range s.log.requests {
		requests[i] = *r
		requests[i].Body = slices.Clone(r.Body)
	}
	return requests
}

// ForgetRequests empties the log, for a server that runs for hours. The
// counters go on.
func (s *Server) ForgetRequests() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.requests = nil
}

// Mints returns how many installation tokens were minted.
func (s *Server) Mints() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.mints
}

// Signatures returns how many different app JWTs were presented, good and bad
// ones. RS256 is deterministic, so JWTs that an app signs with equal claims
// count once.
func (s *Server) Signatures() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return len(s.log.signatures)
}

func (l *requestLog) add(r *http.Request, x *exchange, service string) *Request {
	clean := blank
	if x.signIn {
		clean = blankSignIn
	}
	entry := &Request{
		Time:           time.Now(),
		Method:         r.Method,
		Path:           string(blank([]byte(r.URL.Path))),
		Query:          string(clean([]byte(r.URL.RawQuery))),
		AuthScheme:     x.caller.scheme,
		TokenSHA256:    x.caller.sha256,
		AppID:          x.caller.appID,
		InstallationID: x.caller.installationID,
		Login:          x.caller.login,
		APIVersion:     r.Header.Get("X-GitHub-Api-Version"),
		UserAgent:      string(blank([]byte(r.UserAgent()))),
		Body:           clean(x.body),
		Git:            x.git,
		GitService:     service,
	}
	if entry.InstallationID == 0 {
		entry.InstallationID = installationInPath(x.path)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = append(l.requests, entry)
	if x.caller.isJWT {
		if l.signatures == nil {
			l.signatures = map[string]struct{}{}
		}
		l.signatures[x.caller.sha256] = struct{}{}
	}
	return entry
}

func (l *requestLog) answered(entry *Request, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry.Status = status
}

// breached notes the breach and returns a copy of the entry.
func (l *requestLog) breached(entry *Request, breach string) Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry.Breach = breach
	noted := *entry
	noted.Body = slices.Clone(entry.Body)
	return noted
}

func (l *requestLog) minted() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mints++
}

// secretPattern matches every token that this server mints and every JWT.
var secretPattern = regexp.MustCompile(`gh[a-z]_[A-Za-z0-9._-]{16,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9._-]*`)

// blank replaces what looks like a secret. The result shares no memory with
// text.
func blank(text []byte) []byte {
	return secretPattern.ReplaceAll(bytes.Clone(text), []byte("<redacted>"))
}
