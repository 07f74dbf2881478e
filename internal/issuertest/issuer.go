// Package issuertest issues identities for tests and examples: an OpenID Connect
// issuer, and the API server of a Kubernetes cluster. Both behave as their
// documents say, on loopback or without a network.
package issuertest

import (
	"crypto"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Issuer is an OpenID Connect issuer: an http.Handler of its discovery document
// and its key set. It is safe for concurrent use.
type Issuer struct {
	mu      sync.Mutex
	url     string
	keys    []signingKey // that are published; the last one signs
	status  int          // that it answers with; 0: as it should
	fetches int
}

type signingKey struct {
	id, algorithm string
	key           crypto.Signer
}

// NewIssuer returns an issuer of that name with one key for an algorithm, RS256,
// ES256 or EdDSA.
func NewIssuer(name, algorithm string) *Issuer {
	i := &Issuer{url: name}
	i.Rotate(algorithm)
	return i
}

// URL returns the iss of its tokens.
func (i *Issuer) URL() string { return i.url }

// Rotate publishes another key, which signs from now on.
func (i *Issuer) Rotate(algorithm string) {
	key := signingKey{rand.Text(), algorithm, newKey(algorithm)}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.keys, key)
}

// Retire takes away all keys but the last.
func (i *Issuer) Retire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = i.keys[len(i.keys)-1:]
}

// Fail has it answer with a status; 0: as it should again.
func (i *Issuer) Fail(status int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.status = status
}

// Fetches returns how often its key set was asked for.
func (i *Issuer) Fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

// Sign returns a token with these claims, and with iss, iat and an exp in an hour
// where they have none. A claim that is nil is left out.
func (i *Issuer) Sign(claims map[string]any) string {
	i.mu.Lock()
	key := i.keys[len(i.keys)-1]
	i.mu.Unlock()
	now := time.Now()
	all := jwt.MapClaims{"iss": i.url, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return sign(key, key.id, all)
}

// SignAs returns a token with these claims and that key id, in its last key's
// name but with a key of somebody else's.
func (i *Issuer) SignAs(id string, claims map[string]any) string {
	other := &Issuer{url: i.url, keys: []signingKey{{id, jwt.SigningMethodES256.Alg(), newKey("ES256")}}}
	return other.Sign(claims)
}

// KeyID returns the id of the key that signs.
func (i *Issuer) KeyID() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[len(i.keys)-1].id
}

// PublicKey returns the key that signs, as everybody may have it.
func (i *Issuer) PublicKey() crypto.PublicKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[len(i.keys)-1].key.Public()
}

// Keys returns the key set.
func (i *Issuer) Keys() []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	set := map[string][]map[string]string{"keys": {}}
	for _, key := range i.keys {
		set["keys"] = append(set["keys"], key.public())
	}
	return mustJSON(set)
}

func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	of, _ := url.Parse(i.url)
	path := strings.TrimPrefix(r.URL.Path, of.Path)
	i.mu.Lock()
	status := i.status
	if path == "/keys" {
		i.fetches++
	}
	i.mu.Unlock()
	switch {
	case status != 0:
		http.Error(w, "secret of the body", status)
	case path == "/keys":
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write(i.Keys())
	case path == "/.well-known/openid-configuration":
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(mustJSON(map[string]string{"issuer": i.url, "jwks_uri": i.url + "/keys"}))
	default:
		http.NotFound(w, r)
	}
}

// Client returns a client for which the issuer is at its URL, wherever that may
// be. It uses no network.
func (i *Issuer) Client() *http.Client { return &http.Client{Transport: inProcess{i}} }

type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

func mustJSON(v any) []byte {
	content, err := json.Marshal(v)
	if err != nil {
		panic(err) // of literals here
	}
	return content
}
