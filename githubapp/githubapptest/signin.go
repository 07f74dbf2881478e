package githubapptest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// signInPrefix is what the paths begin with by which people sign in to apps.
// They are GitHub's pages' and not its API's.
const signInPrefix = "/login/"

// signIns are those of people to apps, with what renews their tokens: by the
// SHA-256 of each value, which is not kept. The Server's mutex guards them.
type signIns struct {
	tokenLife     time.Duration
	deviceCodes   map[[sha256.Size]byte]*deviceCode
	authCodes     map[[sha256.Size]byte]*authCode
	refreshTokens map[[sha256.Size]byte]*refreshToken
}

func newSignIns() signIns {
	return signIns{
		tokenLife:     defaultUserTokenLife,
		deviceCodes:   map[[sha256.Size]byte]*deviceCode{},
		authCodes:     map[[sha256.Size]byte]*authCode{},
		refreshTokens: map[[sha256.Size]byte]*refreshToken{},
	}
}

func (s *Server) newSignInRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, answer := range map[string]signInRoute{
		"POST /login/device/code":        s.requestDeviceCode,
		"POST /login/oauth/access_token": s.exchangeForToken,
	} {
		mux.Handle(pattern, answer)
	}
	mux.HandleFunc("GET /login/device", s.showDevicePage)
	mux.HandleFunc("POST /login/device", s.submitDevicePage)
	mux.HandleFunc("GET /login/oauth/authorize", s.authorize)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeSignIn(w, r, http.StatusNotFound, errorJSON{Error: "Not Found"})
	})
	return mux
}

// signInRoute answers a client that wants codes or tokens.
type signInRoute func(asked url.Values) (answer any, refusal *signInError)

// ServeHTTP implements [http.Handler].
func (answer signInRoute) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	given, refusal := answer(parameters(r, exchangeOf(r).body))
	if refusal != nil {
		writeSignIn(w, r, refusal.status, errorJSON{
			Error: refusal.code, Description: refusal.description, URI: refusal.uri(), Interval: refusal.interval,
		})
		return
	}
	writeSignIn(w, r, http.StatusOK, given)
}

// signInError is a refusal in the words of OAuth 2. But for an app that there
// isn't, GitHub gives it the status 200.
type signInError struct {
	status            int
	code, description string
	interval          int64 // of slow_down: how many seconds to wait from now on
}

func signInRefusal(code, description string) *signInError {
	return &signInError{status: http.StatusOK, code: code, description: description}
}

var (
	errNoSuchClient = &signInError{status: http.StatusNotFound, code: "Not Found"}

	errAccessDenied      = signInRefusal("access_denied", "The authorization request was denied.")
	errBadCode           = signInRefusal("bad_verification_code", "The code passed is incorrect or expired.")
	errBadRefreshToken   = signInRefusal("bad_refresh_token", "The refresh token passed is incorrect or expired.")
	errClientCredentials = signInRefusal("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.")
	errDeviceCode        = signInRefusal("incorrect_device_code", "The device_code provided is not valid.")
	errDeviceExpired     = signInRefusal("expired_token", "The device_code has expired.")
	errGrantType         = signInRefusal("unsupported_grant_type", "The grant_type passed is not supported.")
	errPending           = signInRefusal("authorization_pending", "The authorization request is still pending.")
	errRedirect          = signInRefusal("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application.")
)

func (e *signInError) uri() string {
	if e.status != http.StatusOK {
		return ""
	}
	return "https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors"
}

type errorJSON struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
	URI         string `json:"error_uri,omitempty"`
	Interval    int64  `json:"interval,omitempty"`
}

// parameters returns those of a client's request: of its query, and of a body
// that is a form or JSON.
func parameters(r *http.Request, body []byte) url.Values {
	all := r.URL.Query()
	if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType == "application/json" {
		var members map[string]any
		_ = json.Unmarshal(body, &members)
		for name, value := range members {
			all.Set(name, fmt.Sprint(value))
		}
		return all
	}
	form, _ := url.ParseQuery(string(body))
	for name := range form {
		all.Set(name, form.Get(name))
	}
	return all
}

// writeSignIn answers with the members of v: as JSON where the client asks for
// that, or else as a form.
func writeSignIn(w http.ResponseWriter, r *http.Request, status int, v any) {
	if strings.Contains(r.Header.Get("Accept"), "json") {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		writeJSON(w, status, v)
		return
	}
	text, err := json.Marshal(v)
	var members map[string]any
	if err != nil || json.Unmarshal(text, &members) != nil {
		panic("githubapptest: an answer that is no object")
	}
	form := url.Values{}
	for name, value := range members {
		form.Set(name, fmt.Sprint(value))
	}
	body := form.Encode()
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// clientCredentials are what a client says it is.
type clientCredentials struct{ id, secret string }

// signInClient returns the credentials in a request's parameters, and the app that
// they name.
func (s *Server) signInClient(asked url.Values) (clientCredentials, *app, bool) {
	c := clientCredentials{asked.Get("client_id"), asked.Get("client_secret")}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.apps {
		if a.ClientID == c.id {
			return c, a, true
		}
	}
	return c, nil, false
}

// proves tells whether the client is the app.
func (c clientCredentials) proves(a *app) bool {
	return a.ClientSecret != "" && subtle.ConstantTimeCompare([]byte(c.secret), []byte(a.ClientSecret)) == 1
}

// signInBreach returns what a request has that no correct client sends.
func (s *Server) signInBreach(r *http.Request) string {
	switch _, pattern := s.signInRoutes.Handler(r); {
	case pattern == "/":
		return "githubapptest has no such method and path"
	case r.Header.Get("Authorization") != "":
		return "an Authorization header, where GitHub takes a client's credentials as parameters"
	}
	return ""
}

// signInSecrets matches the parameters that nobody else may know, in a query, a
// form or JSON.
var signInSecrets = regexp.MustCompile(`\b(client_secret|device_code|code|code_verifier)("?\s*[=:]\s*"?)[^&"\s]+`)

// blankSignIn replaces what nobody else may know in a request for a sign-in.
func blankSignIn(text []byte) []byte {
	return signInSecrets.ReplaceAll(blank(text), []byte("$1$2<redacted>"))
}
