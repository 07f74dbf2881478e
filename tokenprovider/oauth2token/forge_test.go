package oauth2token_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/oauth2token"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

const (
	clientID     = "platform"
	clientSecret = "secret-0123456789-of-the-client"
	key          = "forge/ann"
)

var sealKeys = [][]byte{bytes.Repeat([]byte{7}, 32)}

// forge exchanges refresh tokens as GitLab does: each may be used once, the
// access token that it replaces is revoked, and one that is used again ends all
// that came of the same sign-in.
type forge struct {
	life time.Duration // of access tokens

	mu        sync.Mutex
	people    map[string]string // by live access token, who has it
	chains    map[string]string // by live refresh token, the sign-in that it is of
	access    map[string]string // by sign-in, the access token that lives
	spent     map[string]string // by refresh token that was used, the sign-in
	exchanges int               // requests
	reuses    int               // of a refresh token that was used before
	before    func(w http.ResponseWriter, r *http.Request) (done bool)
	after     func(w http.ResponseWriter, r *http.Request, answer []byte) (done bool)
	keeps     bool // a refresh token stays good, and the answer has none
	secrets   *testutil.Capture
}

func newForge(t testing.TB) *forge {
	return &forge{
		life: 2 * time.Hour, people: map[string]string{}, chains: map[string]string{}, access: map[string]string{}, spent: map[string]string{},
		secrets: testutil.NewCapture(t, clientSecret, string(sealKeys[0])),
	}
}

// signIn returns what a sign-in of that person brings.
func (f *forge) signIn(person string) *oauth2.Token {
	f.mu.Lock()
	defer f.mu.Unlock()
	access, refresh := f.issue(person + "/" + rand.Text())
	return &oauth2.Token{AccessToken: access, RefreshToken: refresh, TokenType: "Bearer", Expiry: time.Now().Add(f.life)}
}

func (f *forge) issue(chain string) (access, refresh string) {
	delete(f.people, f.access[chain])
	access, refresh = "glat-"+rand.Text(), "glrt-"+rand.Text()
	f.people[access], f.chains[refresh], f.access[chain] = chain, chain, access
	f.secrets.Secret(access, refresh)
	return access, refresh
}

// person returns who has that access token, "" for nobody.
func (f *forge) person(access string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	chain := f.people[access]
	for n := range chain {
		if chain[n] == '/' {
			return chain[:n]
		}
	}
	return ""
}

// revoke ends all sign-ins.
func (f *forge) revoke() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.people)
	clear(f.chains)
}

func (f *forge) counts() (exchanges, reuses int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.exchanges, f.reuses
}

// on has before see each request for a token, and after each answer.
func (f *forge) on(before func(http.ResponseWriter, *http.Request) bool, after func(http.ResponseWriter, *http.Request, []byte) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.after = before, after
}

// answering is an answer to each request for a token.
func answering(status int, header http.Header, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
		return true
	}
}

// ServeHTTP is the token endpoint.
func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.exchanges++
	before, after := f.before, f.after
	f.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	answer, status := f.exchange(r)
	if after != nil && after(w, r, answer) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func (f *forge) exchange(r *http.Request) ([]byte, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.FormValue("client_id") != clientID || r.FormValue("client_secret") != clientSecret {
		return []byte(`{"error":"invalid_client"}`), http.StatusUnauthorized
	}
	refresh := r.FormValue("refresh_token")
	chain, live := f.chains[refresh]
	if ended, reused := f.spent[refresh]; reused {
		f.reuses++
		for other, of := range f.chains {
			if of == ended {
				delete(f.chains, other)
			}
		}
		delete(f.people, f.access[ended])
	}
	if !live || r.FormValue("grant_type") != "refresh_token" {
		return []byte(`{"error":"invalid_grant","error_description":"The grant is invalid: ` + refresh + `"}`), http.StatusBadRequest
	}
	access, next := f.issue(chain)
	answer := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": int(f.life / time.Second)}
	if f.keeps {
		delete(f.chains, next)
	} else {
		delete(f.chains, refresh)
		f.spent[refresh] = chain
		answer["refresh_token"] = next
	}
	text, _ := json.Marshal(answer)
	return text, http.StatusOK
}

// inMemory reaches a handler without a network, as time in a bubble needs it.
type inMemory struct{ http.Handler }

func (m inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func configFor(tokenURL string) *oauth2.Config {
	return &oauth2.Config{ClientID: clientID, ClientSecret: clientSecret, Endpoint: oauth2.Endpoint{TokenURL: tokenURL}}
}

// options reach f without a network.
func (f *forge) options() oauth2token.Options {
	return oauth2token.Options{
		SealKeys: sealKeys, HTTPClient: &http.Client{Transport: inMemory{f}}, Logger: f.secrets.Logger(),
	}
}

// replica returns another replica's provider of the person's token.
func (f *forge) replica(t testing.TB, store tokenprovider.Store) *oauth2token.Provider {
	t.Helper()
	p, err := oauth2token.New(configFor("https://forge.example/oauth/token"), store, key, f.options())
	require.NoError(t, err)
	return p
}

// signedIn returns a forge, a store, and a provider of the token of somebody
// who has signed in.
func signedIn(t testing.TB) (*forge, *tokenprovidertest.Store, *oauth2token.Provider) {
	t.Helper()
	f, store := newForge(t), tokenprovidertest.NewStore()
	p := f.replica(t, store)
	require.NoError(t, p.Set(t.Context(), f.signIn("ann")))
	return f, store, p
}

// token returns p's, which has to be a live one of that person.
func (f *forge) token(t testing.TB, p tokenprovider.TokenProvider) string {
	t.Helper()
	token, expiresAt, err := p.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, "ann", f.person(token), "the forge takes it")
	require.True(t, time.Now().Before(expiresAt))
	return token
}

// refusal returns p's error, which has to have that code.
func refusal(t testing.TB, p tokenprovider.TokenProvider, code tokenprovider.Code) string {
	t.Helper()
	token, _, err := p.Token(t.Context())
	require.Empty(t, token)
	require.Equal(t, code, tokenprovider.CodeOf(err), "%v", err)
	return err.Error()
}

// answeringWith answers with a token, and writes what it was exchanged for.
func answeringWith(sent io.Writer) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		fmt.Fprint(sent, r.FormValue("refresh_token"))
		return answering(200, nil, `{"access_token":"glat-2","refresh_token":"glrt-2","token_type":"bearer","expires_in":7200}`)(w, r)
	}
}

// exampleForge exchanges any refresh token.
var exampleForge = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	answering(200, nil, `{"access_token":"second","refresh_token":"next","token_type":"bearer","expires_in":7200}`)(w, r)
})
