package githubapp

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// upstream answers each request of an app with what is fuzzed.
type upstream struct {
	status   int
	header   http.Header
	body     string
	requests int
	jwt      string // of the last request
	signer   crypto.Signer
}

func (u *upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	u.requests++
	u.jwt = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	return &http.Response{StatusCode: u.status, Header: u.header.Clone(), Body: io.NopCloser(strings.NewReader(u.body)), Request: r}, nil
}

func newUpstream(t testing.TB) *upstream {
	return &upstream{signer: testutil.RSASigner(t, 0)}
}

// app returns an app that knows nothing yet, and has u answer it so.
func (u *upstream) app(t testing.TB, status int, header http.Header, body string) *App {
	t.Helper()
	u.status, u.header, u.body, u.requests = status, header, body, 0
	app, err := New(Options{AppID: 7, Signers: []crypto.Signer{u.signer}, HTTPClient: &http.Client{Transport: u}})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func FuzzMint(f *testing.F) {
	u := newUpstream(f)
	narrow := Scope{Repositories: []string{"widgets"}, Permissions: map[string]string{"contents": "read"}}
	for _, body := range []string{
		``, `null`, `{}`, `[]`, `"x"`, `<html>`, `{"token":""}`, `{"token":null}`, `{"token":5,"expires_at":"2126-11-23T19:00:00Z"}`, `{"token":"ghs_x"}`,
		`{"token":"ghs_x\n","expires_at":"2126-11-23T19:00:00Z"}`, `{"token":"ghs_x","expires_at":"0001-01-01T00:00:00Z"}`,
		`{"token":"ghs_x","expires_at":"2016-11-23T19:00:00Z"}`, `{"token":"ghs_x","expires_at":"2126-11-23T19:00:00Z"}`,
		`{"token":"ghs_x","expires_at":"2126-11-23T19:00:00Z","permissions":{"contents":"write"},"repository_selection":"selected","repositories":[{"id":1,"name":"widgets"}]}`,
		`{"token":"ghs_x","expires_at":"2126-11-23T19:00:00Z","permissions":{"contents":"read","metadata":"read"},"repository_selection":"all"}`,
		`{"token":"ghs_x","expires_at":"2126-11-23T19:00:00Z","permissions":{"contents":"read"},"repository_selection":"selected","repositories":[{"id":1,"name":"Widgets"}]}`,
	} {
		f.Add(201, "", "", "", "", body)
	}
	for _, message := range []string{"This installation has been suspended", "A JSON web token could not be decoded", "Not Found",
		"'Expiration time' claim ('exp') is too far in the future", "You have exceeded a secondary rate limit", "\u009b31m\u202e", "ghs_0123456789abcdefghijklmnopqrstuvwxyz"} {
		for _, status := range []int{401, 403, 404, 422, 500} {
			f.Add(status, "17", "0", "1900000000", "Tue, 24 Nov 2026 00:00:00 GMT", `{"message":"`+message+`","documentation_url":"https://docs.github.com/rest","status":"403"}`)
		}
	}
	f.Fuzz(func(t *testing.T, status int, retryAfter, remaining, reset, date, body string) {
		if status < 200 || status > 599 { // net/http delivers no other
			t.Skip()
		}
		header := http.Header{"Retry-After": {retryAfter}, "X-Ratelimit-Remaining": {remaining}, "X-Ratelimit-Reset": {reset}, "Date": {date},
			"X-Github-Request-Id": {retryAfter}}
		for _, narrowed := range []bool{false, true} {
			i := u.app(t, status, header, body).Installation(1)
			if narrowed {
				i = i.Scoped(narrow)
			}
			token, expiresAt, err := (*source)(i).mint(context.Background())
			if u.requests > 2 {
				t.Errorf("%d requests for one token", u.requests)
			}
			if err != nil {
				if token != "" || !expiresAt.IsZero() {
					t.Error("an error comes with a token")
				}
				checkError(t, err, body+retryAfter, u.jwt, mintWords(body)+retryAfter)
				continue
			}
			if token == "" || !wire.IsToken(token) || !time.Now().Before(expiresAt) || status != http.StatusCreated {
				t.Errorf("status %d gives a token %q until %s", status, token, expiresAt)
			}
			granted, ok := i.Granted()
			if !ok {
				t.Error("nothing is said to be granted")
			}
			if narrowed && wider(granted) {
				t.Errorf("a grant wider than asked is taken: %s", granted)
			}
		}
	})
}

// wider reports whether granted is more than to read the contents of widgets.
func wider(granted Scope) bool {
	for name, level := range granted.Permissions {
		if level != "" && (level != "read" || name != "contents" && name != "metadata") {
			return true
		}
	}
	return granted.Repositories == nil && granted.RepositoryIDs == nil
}

func FuzzInstallations(f *testing.F) {
	u := newUpstream(f)
	for _, body := range []string{
		``, `null`, `{}`, `[]`, `[null]`, `<html>`, `{"id":1}`, `{"id":"1"}`, `{"id":-1}`, `{"id":1,"account":null,"suspended_at":null}`, `{"id":1,"suspended_at":"yesterday"}`,
		`[{"id":9,"account":{"login":"acme","type":"Organization"},"permissions":{"contents":"read"},"suspended_at":"2026-11-23T19:00:00-04:00"},{"id":8,"account":{"slug":"corp"}}]`,
	} {
		f.Add(200, `<https://api.github.com/app/installations?page=2>; rel="next"`, body)
		f.Add(200, `<https://elsewhere.example/app/installations?page=2>; rel="next"`, body)
		f.Add(404, `<`, body)
	}
	f.Fuzz(func(t *testing.T, status int, link, body string) {
		if status < 200 || status > 599 {
			t.Skip()
		}
		app := u.app(t, status, http.Header{"Link": {link}}, body)
		for info, err := range app.Installations(t.Context()) {
			checkInstallation(t, info, err, body+link, u.jwt)
		}
		if u.requests > 2 {
			t.Errorf("%d requests for pages that are all the same", u.requests)
		}
		info, err := parseInstallation([]byte(body))
		if err != nil {
			err = internal(err)
		}
		checkInstallation(t, info, err, body, u.jwt)
	})
}

func checkInstallation(t *testing.T, info *InstallationInfo, err error, sent, jwt string) {
	switch {
	case err == nil && (info == nil || info.ID <= 0):
		t.Errorf("no installation and no error: %v", info)
	case err != nil && info != nil:
		t.Error("an error comes with an installation")
	case err != nil:
		checkError(t, err, sent, jwt, refusalWords(sent))
	}
}

// checkError fails t unless err is one that may be logged: typed, short, on one
// line, without a secret, and without any part of what was sent but the words
// that are meant to be read.
func checkError(t *testing.T, err error, sent, jwt, words string) {
	if _, ok := errors.AsType[*tokenprovider.Error](err); !ok {
		t.Errorf("%T is no *tokenprovider.Error", err)
	}
	text := err.Error()
	if len(text) > 4*512 {
		t.Errorf("an error of %d bytes", len(text))
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("an error with characters that a terminal might obey: %q", text)
	}
	if leak := testutil.Leak(text, jwt); leak != "" {
		t.Errorf("an error shows the JWT: %s", leak)
	}
	if token := regexp.MustCompile(`gh[a-z]_[A-Za-z0-9._-]{16,}`).FindString(text); token != "" {
		t.Errorf("an error shows a token: %s", token)
	}
	const window = 24
	for n := range max(len(sent)-window+1, 0) {
		part := sent[n : n+window]
		if strings.Contains(text, part) && !strings.Contains(words, part) && !strings.Contains(ownWords, part) {
			t.Errorf("an error shows a part of the answer: %q in %q", part, text)
			return
		}
	}
}

// refusalWords returns what an error may show of a refusal.
func refusalWords(body string) string {
	var said struct {
		Message          string `json:"message"`
		DocumentationURL string `json:"documentation_url"`
	}
	_ = json.Unmarshal([]byte(body), &said)
	return said.Message + "\n" + said.DocumentationURL
}

// mintWords returns what an error may show of an answer to a mint: a refusal's
// text, and how a grant is wider than asked.
func mintWords(body string) string {
	var m minted
	_ = json.Unmarshal([]byte(body), &m)
	words := refusalWords(body) + "\n" + m.RepositorySelection
	for name, level := range m.Permissions {
		words += "\n" + name + "\n" + level
	}
	for _, r := range m.Repositories {
		words += "\n" + r.Name
	}
	return words
}

// ownWords are what errors say themselves, which an answer may happen to say
// too.
const ownWords = "githubapp: mint a token of installation 1 (everything): POST /app/installations/1/access_tokens: " +
	"githubapp: mint a token of installation 1 (repositories widgets; permissions contents: read): POST /app/installations/1/access_tokens: "
