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
	issued int64       // the iat claim
	theirs *difference // GitHub's clock as it was known
	expiry time.Time   // by this machine's clock
}

// Token signs a JWT: with the first key that can, of those that didn't fail of
// late. Where all did it is the one that rests for longest, alone.
func (s *signer) Token(ctx context.Context) (string, time.Time, error) {
	keys, resting := s.keys.Keys()
	if len(keys) == 0 {
		keys = resting[:1]
	}
	var failed error
	for n, key := range keys {
		made, err := s.sign(ctx, key, len(keys)-n)
		if err == nil {
			s.last.Store(made)
			return made.jwt, made.expiry, nil
		}
		failed = err
		s.keys.Failed(key)
	}
	return "", time.Time{}, failed
}

// sign signs a JWT with key, in its share of the time that is left for that
// many keys.
func (s *signer) sign(ctx context.Context, key *appkey.Key, keys int) (*signature, error) {
	theirs, now := s.clock.learnt.Load(), time.Now().Round(0)
	there := now.Add(skewOf(theirs))
	issued := there.Add(-backdate).Unix()
	if last := s.last.Load(); last != nil && last.key == key && last.issued == issued {
		return last, nil // signing again would make the same
	}
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(keys))
		defer cancel()
	}
	claims := jwt.MapClaims{"iss": s.issuer, "iat": issued, "exp": there.Add(jwtLife).Unix()}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	text, err := token.SigningString()
	if err != nil {
		return nil, &tokenprovider.Error{Code: tokenprovider.CodeInternal,
			Err: fmt.Errorf("encode the app's JWT: %w", err)}
	}
	signed, err := key.SignRS256(ctx, text)
	if err != nil {
		return nil, err
	}
	return &signature{text + "." + token.EncodeSegment(signed), key, issued, theirs, now.Add(jwtLife)}, nil
}
