package apiclient

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/githubapp/internal/appkey"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// GitHub takes a JWT for at most ten minutes by its own clock, and asks for an
// iat in the past against a clock that is ahead.
const (
	backdate = time.Minute
	jwtLife  = 9 * time.Minute
)

// signer makes the JWTs that prove who the app is. It is the
// [tokenprovider.TokenProvider] under the cache that shares them, which sees to
// it that one call signs at a time and that nobody waits for a signer that
// hangs.
type signer struct {
	issuer string
	keys   *appkey.Ring
	clock  *clock
	last   atomic.Pointer[signature]
}

// signature is a JWT and what it was made with. It is immutable.
type signature struct {
	jwt    string
	key    *appkey.Key
	issued int64 // the iat claim
	skew   time.Duration
	expiry time.Time // by this machine's clock
}

// Token signs a JWT.
func (s *signer) Token(context.Context) (string, time.Time, error) {
	key, skew, now := s.keys.InUse(), s.clock.skew(), time.Now().Round(0)
	issued := now.Add(skew - backdate).Unix()
	if last := s.last.Load(); last != nil && last.key == key && last.issued == issued {
		return last.jwt, last.expiry, nil // signing again would make the same
	}
	text, err := sign(key, s.issuer, issued, now.Add(skew+jwtLife).Unix())
	if err != nil {
		return "", time.Time{}, err
	}
	made := &signature{text, key, issued, skew, now.Add(jwtLife)}
	s.last.Store(made)
	return made.jwt, made.expiry, nil
}

// sign returns the JWT of the issuer with those times in Unix seconds.
func sign(k *appkey.Key, issuer string, issued, expiry int64) (string, error) {
	claims := jwt.MapClaims{"iss": issuer, "iat": issued, "exp": expiry}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	text, err := token.SigningString()
	if err != nil {
		return "", &tokenprovider.Error{Code: tokenprovider.CodeInternal,
			Err: fmt.Errorf("encode the app's JWT: %w", err)}
	}
	signed, err := k.SignRS256(text)
	if err != nil {
		return "", err
	}
	return text + "." + token.EncodeSegment(signed), nil
}
