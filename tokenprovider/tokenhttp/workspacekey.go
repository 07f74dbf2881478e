package tokenhttp

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
)

const (
	workspaceAudience = "provisionkit/workspace"
	minKey            = 32 // bytes, the size of the hash (RFC 7518, section 3.2)
)

// WorkspaceKey issues the bearers of workspaces and accepts them. A bearer is a
// JWT under HMAC-SHA-256: aud "provisionkit/workspace", sub the workspace's id,
// iat, exp, and kid for the key. No other algorithm is accepted, no bearer
// without exp, none before its nbf, none of another audience. It carries no
// right but to be that workspace.
//
// Bearers aren't stored and so can't be listed or taken back one by one;
// [Options].Admit refuses a workspace that is gone, and dropping a key refuses
// all that it signed. What is remembered is only that a signature held, never
// that a bearer is still valid. A *WorkspaceKey is safe for concurrent use and
// prints without its keys.
type WorkspaceKey struct {
	keys     secret.Of[[]signingKey] // none: it doesn't come from NewWorkspaceKey
	verified *verified
}

var (
	_ Authenticator = (*WorkspaceKey)(nil)
	_ Renewer       = (*WorkspaceKey)(nil)
)

type signingKey struct {
	id  string
	key []byte
}

// NewWorkspaceKey returns a WorkspaceKey of random keys of at least 32 bytes
// each. The first signs, all verify: to rotate, put the new one first and take
// the old one out when its last bearer has expired. The keys are copied. The
// error names a key that is too short.
func NewWorkspaceKey(keys ...[]byte) (*WorkspaceKey, error) {
	if len(keys) == 0 {
		return nil, errors.New("tokenhttp: NewWorkspaceKey needs a key of at least 32 random bytes")
	}
	held := make([]signingKey, len(keys))
	for i, key := range keys {
		if len(key) < minKey {
			return nil, fmt.Errorf("tokenhttp: NewWorkspaceKey: "+
				"key %d of %d has %d bytes and needs at least %d random ones", i+1, len(keys), len(key), minKey)
		}
		held[i] = signingKey{id: keyID(key), key: bytes.Clone(key)}
	}
	return &WorkspaceKey{keys: secret.New(held), verified: &verified{}}, nil
}

// keyID names a key without giving anything of it away, and the same on every
// replica.
func keyID(key []byte) string {
	mac := hmac.New(sha256.New, key)
	io.WriteString(mac, workspaceAudience+" kid")
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

var errNoKeys = errors.New("tokenhttp: a WorkspaceKey comes from NewWorkspaceKey")

// held returns the keys; errNoKeys when there are none.
func (k *WorkspaceKey) held() ([]signingKey, error) {
	if k == nil {
		return nil, errNoKeys
	}
	keys := k.keys.Reveal()
	if len(keys) == 0 {
		return nil, errNoKeys
	}
	return keys, nil
}

// Issue returns a new bearer for the workspace, valid for ttl from now, in
// whole seconds: a fraction is rounded up, and the second that has begun
// counts. An id that is empty, isn't UTF-8 (JSON couldn't tell two such apart)
// or is too long for a bearer is refused, and so is a ttl of zero or less.
func (k *WorkspaceKey) Issue(workspaceID string, ttl time.Duration) (string, error) {
	bearer, _, err := k.issue(workspaceID, ttl)
	return bearer, err
}

func (k *WorkspaceKey) issue(workspaceID string, ttl time.Duration) (string, time.Time, error) {
	keys, err := k.held()
	switch {
	case err != nil:
		return "", time.Time{}, err
	case workspaceID == "":
		return "", time.Time{}, errors.New("tokenhttp: Issue: the workspace id is empty")
	case !utf8.ValidString(workspaceID):
		return "", time.Time{}, errors.New("tokenhttp: Issue: the workspace id is not valid UTF-8")
	case ttl <= 0:
		return "", time.Time{}, fmt.Errorf("tokenhttp: Issue: the ttl is %s and must be more than zero", ttl)
	}
	issuedAt := time.Now().Truncate(time.Second)
	expiresAt := issuedAt.Add(wire.WholeSeconds(ttl))
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Audience:  jwt.ClaimStrings{workspaceAudience},
		Subject:   workspaceID,
		IssuedAt:  jwt.NewNumericDate(issuedAt),
		ExpiresAt: jwt.NewNumericDate(expiresAt),
	})
	token.Header["kid"] = keys[0].id
	bearer, err := token.SignedString(keys[0].key)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("tokenhttp: Issue: %w", err)
	}
	if len(bearer) > maxBearer {
		return "", time.Time{}, fmt.Errorf("tokenhttp: Issue: the workspace id has %d bytes, "+
			"too many for a bearer", len(workspaceID))
	}
	return bearer, expiresAt, nil
}

// Authenticate implements [Authenticator]: the sender is the workspace that r's
// bearer was issued to.
func (k *WorkspaceKey) Authenticate(r *http.Request) (Principal, error) {
	claims, err := k.verify(r)
	if err != nil {
		return Principal{}, err
	}
	return Principal{WorkspaceID: claims.Subject}, nil
}

// Renew implements [Renewer]: it returns a bearer for the same workspace that
// lives as long as r's did when it was issued, signed with the first key. It
// needs r's bearer to have an iat, which those of Issue have.
func (k *WorkspaceKey) Renew(r *http.Request) (string, time.Time, error) {
	claims, err := k.verify(r)
	if err != nil {
		return "", time.Time{}, err
	}
	if claims.IssuedAt == nil || !claims.ExpiresAt.After(claims.IssuedAt.Time) {
		return "", time.Time{}, ErrForbidden
	}
	return k.issue(claims.Subject, claims.ExpiresAt.Sub(claims.IssuedAt.Time))
}

// verify returns the claims of r's bearer, once its signature and all of its
// rules hold.
func (k *WorkspaceKey) verify(r *http.Request) (*jwt.RegisteredClaims, error) {
	keys, err := k.held()
	if err != nil {
		return nil, err
	}
	bearer, err := bearerOf(r)
	if err != nil {
		return nil, err
	}
	if claims := k.verified.find(bearer); claims != nil {
		if bearerRules.Validate(claims) != nil {
			return nil, ErrUnauthenticated
		}
		return claims, nil
	}
	claims := &jwt.RegisteredClaims{}
	_, err = bearerParser.ParseWithClaims(bearer, claims, keyFor(keys))
	if err != nil || claims.Subject == "" {
		return nil, ErrUnauthenticated
	}
	k.verified.add(bearer, claims)
	return claims, nil
}

// The rules of a bearer, for one that has to be taken apart and for one that
// was. Neither has a state.
var (
	bearerParser = jwt.NewParser(append(claimRules,
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithStrictDecoding())...)
	bearerRules = jwt.NewValidator(claimRules...)
	claimRules  = []jwt.ParserOption{jwt.WithAudience(workspaceAudience), jwt.WithExpirationRequired()}
)

// keyFor finds, among keys, the one that a bearer names: the only one that may
// have signed it.
func keyFor(keys []signingKey) jwt.Keyfunc {
	return func(token *jwt.Token) (any, error) {
		for _, candidate := range keys {
			if token.Header["kid"] == candidate.id {
				return candidate.key, nil
			}
		}
		return nil, ErrUnauthenticated
	}
}
