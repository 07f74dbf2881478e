package githubapptest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"slices"
	"time"
)

// TokenFormat is the shape of an installation token.
type TokenFormat int

const (
	// FormatStateless is ghs_<APPID>_<JWT>: about 520 characters with two dots.
	// github.com mints these since 2026.
	FormatStateless TokenFormat = iota
	// FormatClassic is ghs_ and 36 letters and digits. GitHub Enterprise Server
	// mints these.
	FormatClassic
)

// statelessLength is what tokens of [FormatStateless] are padded to.
const statelessLength = 520

// token is a minted one. Its value is not kept: the store finds it by its hash.
type token struct {
	appID          int64
	installationID int64   // 0: a user's
	login          string  // of the person whose token it is; "": an installation's
	repositories   []int64 // nil: whatever the installation covers
	permissions    map[string]string
	narrowed       bool // the mint asked for less than the installation has
	mintedAt       time.Time
	expiresAt      time.Time // zero: never
	revoked        bool
	refused        bool
}

func (t *token) expired(now time.Time) bool { return !t.expiresAt.IsZero() && !now.Before(t.expiresAt) }

// tokenStore holds the tokens by the SHA-256 of their value; the Server's mutex
// guards it.
type tokenStore struct {
	byHash  map[[sha256.Size]byte]*token
	sweepAt int // the number of tokens at which long dead ones are dropped
}

func (t *tokenStore) add(value string, minted *token) {
	if t.byHash == nil {
		t.byHash, t.sweepAt = map[[sha256.Size]byte]*token{}, 1024
	}
	if len(t.byHash) >= t.sweepAt {
		for hash, old := range t.byHash {
			if old.expired(minted.mintedAt.Add(-time.Hour)) {
				delete(t.byHash, hash)
			}
		}
		t.sweepAt = max(1024, 2*len(t.byHash))
	}
	t.byHash[sha256.Sum256([]byte(value))] = minted
}

// mintToken stores t with a fresh value. Its expiry is rounded up to a whole
// second: the wire has no more.
func (s *Server) mintToken(t *token, format TokenFormat) (value string, minted token) {
	now := s.settings()
	t.mintedAt = s.Now()
	t.expiresAt = t.mintedAt.Add(now.tokenLife + time.Second - time.Nanosecond).Truncate(time.Second).UTC()
	if format == FormatClassic {
		value = classicToken("ghs_")
	} else {
		value = statelessToken(t)
	}
	s.mu.Lock()
	s.tokens.add(value, t)
	minted = *t
	s.mu.Unlock()
	s.log.minted()
	return value, minted
}

// RevokeToken kills a token, also a refresh token, behind its holder's back. A value that was never
// minted is ignored.
func (s *Server) RevokeToken(token string) {
	s.changeToken(token, markRevoked)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.signIns.refreshTokens, sha256.Sum256([]byte(token)))
}

// RefuseToken makes the server answer 401 Bad credentials to a token that is
// alive, as GitHub did for hours to a few percent of them. A value that was
// never minted is ignored.
func (s *Server) RefuseToken(token string) { s.changeToken(token, markRefused) }

func markRevoked(t *token) { t.revoked = true }
func markRefused(t *token) { t.refused = true }

func (s *Server) changeToken(value string, change func(*token)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.tokens.byHash[sha256.Sum256([]byte(value))]; ok {
		change(t)
	}
}

// tokenByHash returns a copy of the token with that SHA-256, dead or alive.
func (s *Server) tokenByHash(hash [sha256.Size]byte) (token, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.tokens.byHash[hash]; ok {
		return *t, true
	}
	return token{}, false
}

// reaches tells whether the token covers the repository, given the installation
// it belongs to.
func (t *token) reaches(i *installation, r *repository) bool {
	return i.reaches(r) && (t.repositories == nil || slices.Contains(t.repositories, r.id))
}

// may tells whether the token has the permission at that level; i may have lost
// it since the mint.
func (t *token) may(i *installation, permission, level string) bool {
	return includes(t.permissions[permission], level) && includes(i.Permissions[permission], level)
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// classicToken returns prefix and 36 letters and digits.
func classicToken(prefix string) string { return randomText(prefix, alphanumeric, 36) }

// randomText returns prefix and n of letters, each as likely.
func randomText(prefix, letters string, n int) string {
	value := []byte(prefix)
	for len(value) < len(prefix)+n {
		var b [1]byte
		_, _ = rand.Read(b[:])
		if int(b[0]) < 256/len(letters)*len(letters) { // the rest would favour some letters
			value = append(value, letters[int(b[0])%len(letters)])
		}
	}
	return string(value)
}

// statelessToken returns a token that holds a JWT, with a signature that nobody
// can verify: the server knows its tokens by their hash, and to everyone else
// they are opaque.
func statelessToken(t *token) string {
	prefix := fmt.Sprintf("ghs_%d_", t.appID)
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS512","typ":"JWT","kid":"s2s"}`))
	signatureLength := base64.RawURLEncoding.EncodedLen(sha512.Size)
	room := statelessLength - len(prefix) - len(header) - signatureLength - len("..")
	head := fmt.Sprintf(`{"app":%d,"aud":"s2s","exp":%d,"iat":%d,"iss":"github","jti":"`, t.appID,
		t.expiresAt.Unix(), t.mintedAt.Unix())
	tail := fmt.Sprintf(`","sub":%d}`, t.installationID)
	random := make([]byte,
		sha512.Size+max(16, (base64.RawURLEncoding.DecodedLen(room)-len(head)-len(tail))/2))
	_, _ = rand.Read(random)
	signature, id := random[:sha512.Size], random[sha512.Size:]

	claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s%x%s", head, id, tail))
	return prefix + header + "." + claims + "." + base64.RawURLEncoding.EncodeToString(signature)
}
