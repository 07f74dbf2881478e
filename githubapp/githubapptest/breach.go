package githubapptest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// reportBreach logs what is wrong with a request, and tells Options.OnBreach.
func (s *Server) reportBreach(r *http.Request, x *exchange) {
	breach := s.breach(r, x)
	if breach == "" {
		return
	}
	entry := s.log.breached(x.entry, breach)
	if s.onBreach != nil {
		s.onBreach(entry)
	}
}

// breach returns what a request has that no correct client sends, and "" for
// nothing. It goes by the request alone, whatever the server's state, so that a
// JWT that was refused for the clock, or a token that is dead, is none.
func (s *Server) breach(r *http.Request, x *exchange) string {
	if x.git {
		return x.gitBreach()
	}
	if x.signIn {
		return s.signInBreach(r)
	}
	route, pattern := s.routes.Handler(r)
	switch {
	case r.UserAgent() == "":
		return "no User-Agent, which GitHub's API requires"
	case !slices.Contains(apiVersions, apiVersion(r)):
		return "X-GitHub-Api-Version is none of " + strings.Join(apiVersions, ", ")
	case path.Clean(r.URL.Path) != r.URL.Path:
		return "the path isn't in its shortest form"
	case pattern == "/":
		return "githubapptest has no such method and path"
	case len(x.body) > 0 && !json.Valid(x.body):
		return "the body isn't JSON"
	}
	switch route.(type) {
	case appRoute:
		return s.appBreach(r, x)
	case installationRoute:
		return tokenBreach(x, true)
	}
	return tokenBreach(x, false)
}

// appBreach returns what is wrong with the credentials of a request for the
// app.
func (s *Server) appBreach(r *http.Request, x *exchange) string {
	switch {
	case x.caller.app != nil: // verified
		return ""
	case x.caller.scheme == "":
		return "no credentials, where an app's JWT is needed"
	case !strings.EqualFold(x.caller.scheme, "Bearer"):
		return fmt.Sprintf("authentication scheme %q, where Bearer and an app's JWT are needed",
			x.caller.scheme)
	case !x.caller.isJWT:
		return "a credential that is no JWT, where an app's JWT is needed"
	}
	_, encoded, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return s.jwtBreach(strings.TrimSpace(encoded), x.caller.appErr == errUndecodable)
}

// jwtBreach returns what is wrong with an app's JWT. Its times don't count, nor
// does the key where that of the app was rotated.
func (s *Server) jwtBreach(encoded string, undecodable bool) string {
	claims := jwt.MapClaims{}
	parsed, _, err := jwt.NewParser(jwt.WithJSONNumber()).ParseUnverified(encoded, claims)
	if err != nil {
		return "a credential that is no JWT, where an app's JWT is needed"
	}
	if parsed.Method.Alg() != "RS256" {
		return fmt.Sprintf("a JWT signed with %s, where RS256 is needed", parsed.Method.Alg())
	}
	for _, name := range []string{"iat", "exp"} {
		if _, ok := integer(claims[name]); !ok {
			return fmt.Sprintf("a JWT whose %s is missing or no integer", name)
		}
	}
	a, refusal := s.issuer(claims["iss"])
	switch {
	case refusal != nil:
		return "a JWT whose iss is missing, or names no app that was added"
	case undecodable && !a.rotated:
		return fmt.Sprintf("a JWT that no key of app %d signed", a.ID)
	}
	return ""
}

// tokenBreach returns what is wrong with the credentials of a request for an
// installation or a person.
func tokenBreach(x *exchange, needed bool) string {
	switch {
	case x.caller.scheme == "" && needed:
		return "no credentials, where a token is needed"
	case x.caller.scheme != "" && !slices.Contains([]string{"bearer", "token", "basic"}, strings.ToLower(x.caller.scheme)):
		return fmt.Sprintf("authentication scheme %q, where token or Bearer is needed",
			x.caller.scheme)
	case x.caller.isJWT && needed:
		return "an app's JWT, where a token is needed"
	}
	return ""
}

// gitBreach returns what is wrong with the credentials of a request of git's.
// To have none is right: git begins that way, or with the user name of its URL
// and no password. Beside a token GitHub takes any user name.
func (x *exchange) gitBreach() string {
	switch {
	case x.caller.scheme == "", x.caller.scheme+" " == lfsRemoteAuth && strings.HasSuffix(x.path, "/"+lfsPrefix+"objects/verify"):
		return ""
	case !strings.EqualFold(x.caller.scheme, "Basic"):
		return fmt.Sprintf("authentication scheme %q, where git needs Basic", x.caller.scheme)
	case x.caller.user == "":
		return "no user name beside a token"
	}
	return ""
}
