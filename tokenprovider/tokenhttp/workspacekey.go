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

// WorkspaceKey issues the bearers of workspaces, and is an [Authenticator] that
// accepts them. A bearer is a JWT (RFC 7519) signed with HMAC-SHA-256. It has
// the audience provisionkit/workspace, the workspace's id as sub, iat, kid for
// the key, and exp if it was issued with a ttl. A JWT with another algorithm or
// audience is refused, and so is one past its exp or before its nbf.
//
// Bearers aren't stored, so they can't be listed or revoked one by one.
// [Options].Admit refuses those of a workspace that is gone or started again,
// and taking a key away refuses all that it signed. A WorkspaceKey is safe for
// concurrent use and prints without its keys. Make it with [NewWorkspaceKey].
type WorkspaceKey struct {
	keys     secret.Of[[]signingKey] // none: it doesn't come from NewWorkspaceKey
	verified *verified
}

var _ Authenticator = (*WorkspaceKey)(nil)

type signingKey struct {
	id  string
	key []byte
}

// NewWorkspaceKey returns a [WorkspaceKey] of random keys of at least 32 bytes
// each. The first one signs, all of them verify. To rotate, add the new key
// behind the old one on every replica, then put it first, and remove the old
// one when the last workspace with a bearer of it has ended. The keys are
// copied. It returns an error without keys, and one that gives the place of a
// key that is too short.
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

// Issue returns a new bearer for the workspace. It expires after ttl, rounded
// up to whole seconds. With a ttl of zero it never expires, and only a
// [Handler] with [Options].Admit accepts it. Issue returns an error for a
// negative ttl, and for an id that is empty, isn't UTF-8 or is too long for a
// bearer.
func (k *WorkspaceKey) Issue(workspaceID string, ttl time.Duration) (string, error) {
	keys, err := k.held()
	switch {
	case err != nil:
		return "", err
	case workspaceID == "":
		return "", errors.New("tokenhttp: Issue: the workspace id is empty")
	case !utf8.ValidString(workspaceID):
		return "", errors.New("tokenhttp: Issue: the workspace id is not valid UTF-8")
	case ttl < 0:
		return "", fmt.Errorf("tokenhttp: Issue: the ttl is %s and must not be negative", ttl)
	}
	issuedAt := time.Now().Truncate(time.Second)
	claims := jwt.RegisteredClaims{
		Audience: jwt.ClaimStrings{workspaceAudience},
		Subject:  workspaceID,
		IssuedAt: jwt.NewNumericDate(issuedAt),
	}
	if ttl > 0 {
		claims.ExpiresAt = jwt.NewNumericDate(issuedAt.Add(wire.WholeSeconds(ttl)))
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	token.Header["kid"] = keys[0].id
	bearer, err := token.SignedString(keys[0].key)
	if err != nil {
		return "", fmt.Errorf("tokenhttp: Issue: %w", err)
	}
	if len(bearer) > wire.MaxBearer {
		return "", fmt.Errorf("tokenhttp: Issue: the workspace id has %d bytes, too many for a bearer",
			len(workspaceID))
	}
	return bearer, nil
}

// Authenticate implements [Authenticator]: it returns the workspace that r's
// bearer was issued to, or [ErrUnauthenticated].
func (k *WorkspaceKey) Authenticate(r *http.Request) (Principal, error) {
	claims, err := k.verify(r)
	if err != nil {
		return Principal{}, err
	}
	p := Principal{WorkspaceID: claims.Subject, NoExpiry: claims.ExpiresAt == nil}
	if claims.IssuedAt != nil {
		p.IssuedAt = claims.IssuedAt.UTC()
	}
	return p, nil
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
	claimRules  = []jwt.ParserOption{jwt.WithAudience(workspaceAudience)}
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
