package githubapptest

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// authCodeLife is how long the code of the web flow is good.
const authCodeLife = 10 * time.Minute

// authCode is a sign-in on a page, whose app hasn't fetched its tokens yet.
type authCode struct {
	appID     int64
	login     string
	redirect  string // that the request named; "" for none
	challenge string // of PKCE (RFC 7636), of the method S256; "" for none
	expiresAt time.Time
}

var accountsPage = template.Must(template.New("").Parse(`<!DOCTYPE html>
<title>Sign in</title>
<h1>{{.App}} asks to act in your name</h1>
<ul>
{{range .Accounts}}<li><a href="{{.URL}}">Authorize as {{.Login}}</a>
{{end}}<li><a href="{{.Cancel}}">Cancel</a>
</ul>
`))

// authorize answers GET /login/oauth/authorize, where a person's browser
// arrives. There are no sessions here: the parameter login says who the person
// is, who then allows what is asked. Without it, and where there are several
// users, the page lets choose.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	_, a, ok := s.signInClient(asked)
	redirect := asked.Get("redirect_uri")
	if redirect == "" && ok && len(a.CallbackURLs) > 0 {
		redirect = a.CallbackURLs[0]
	}
	back, err := url.Parse(redirect)
	if !ok || err != nil || redirect == "" {
		http.NotFound(w, r)
		return
	}
	refuse := func(e *signInError) {
		s.sendBack(w, back, asked, url.Values{"error": {e.code}, "error_description": {e.description}})
	}
	if len(a.CallbackURLs) > 0 && !slices.Contains(a.CallbackURLs, redirect) {
		back, _ = url.Parse(a.CallbackURLs[0])
		refuse(errRedirect)
		return
	}
	logins := s.logins()
	login := asked.Get("login")
	if login == "" && len(logins) == 1 {
		login = logins[0]
	}
	u, known := s.userNamed(login)
	switch {
	case asked.Get("cancel") != "":
		refuse(errAccessDenied)
	case known:
		code := randomText("", "0123456789abcdef", 20)
		s.mu.Lock()
		s.signIns.authCodes[sha256.Sum256([]byte(code))] = &authCode{
			appID: a.ID, login: u.Login, redirect: asked.Get("redirect_uri"), challenge: asked.Get("code_challenge"),
			expiresAt: time.Now().Add(s.clockOffset).Add(authCodeLife),
		}
		s.mu.Unlock()
		s.sendBack(w, back, asked, url.Values{"code": {code}})
	default:
		s.showAccounts(w, a, asked, logins)
	}
}

// sendBack sends the browser to the app, with its own state.
func (s *Server) sendBack(w http.ResponseWriter, to *url.URL, asked, with url.Values) {
	query := to.Query()
	for name := range with {
		query.Set(name, with.Get(name))
	}
	if asked.Has("state") {
		query.Set("state", asked.Get("state"))
	}
	there := *to
	there.RawQuery = query.Encode()
	w.Header().Set("Location", there.String())
	w.WriteHeader(http.StatusFound)
}

func (s *Server) showAccounts(w http.ResponseWriter, a *app, asked url.Values, logins []string) {
	type account struct{ Login, URL string }
	with := func(name, value string) string {
		changed := url.Values{}
		for n := range asked {
			changed.Set(n, asked.Get(n))
		}
		changed.Set(name, value)
		return "/login/oauth/authorize?" + changed.Encode()
	}
	accounts := make([]account, 0, len(logins))
	for _, login := range logins {
		accounts = append(accounts, account{login, with("login", login)})
	}
	writePage(w, http.StatusOK, accountsPage, map[string]any{"App": a.Slug, "Accounts": accounts, "Cancel": with("cancel", "1")})
}

// redeem answers an app that has come by the code of a sign-in. A code is good
// once.
func (s *Server) redeem(a *app, asked url.Values) (grantJSON, *signInError) {
	hash := sha256.Sum256([]byte(asked.Get("code")))
	s.mu.Lock()
	defer s.mu.Unlock()
	code, ok := s.signIns.authCodes[hash]
	if !ok || code.appID != a.ID || !time.Now().Add(s.clockOffset).Before(code.expiresAt) {
		return grantJSON{}, errBadCode
	}
	if redirect := asked.Get("redirect_uri"); redirect != "" && code.redirect != "" && redirect != code.redirect {
		return grantJSON{}, errRedirect
	}
	delete(s.signIns.authCodes, hash)
	verifier := sha256.Sum256([]byte(asked.Get("code_verifier")))
	if code.challenge != "" && base64.RawURLEncoding.EncodeToString(verifier[:]) != code.challenge {
		return grantJSON{}, errBadCode
	}
	return s.grant(a, code.login, false), nil
}
