package githubapptest

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// maxJWTLife is how far ahead of GitHub's clock a JWT may expire.
const maxJWTLife = 10 * time.Minute

// verifyJWT checks an app's JWT as GitHub does: RS256 by one of the app's keys,
// an issuer that is an app, and the two times by the server's clock. The checks
// go in that order, so a foreign key hides a wrong clock.
func (s *Server) verifyJWT(encoded string) (*app, *apiError) {
	signer, claims, refusal := s.verifySignature(encoded)
	if refusal != nil {
		return nil, refusal
	}
	now := s.Now()
	switch expires, ok := integer(claims["exp"]); {
	case !ok || expires <= now.Unix():
		return nil, errClockSlow
	case expires > now.Add(maxJWTLife).Unix():
		return nil, errClockFast
	}
	if issued, ok := integer(claims["iat"]); !ok || issued > now.Unix() {
		return nil, errIssuedInFuture
	}
	return signer, nil
}

// verifySignature returns the app that signed a JWT, and its claims. A JWT that
// was good is remembered as long as the app and its keys stay the same, so that
// a client's thousand mints with one JWT measure the client.
func (s *Server) verifySignature(encoded string) (*app, jwt.MapClaims, *apiError) {
	hash := sha256.Sum256([]byte(encoded))
	if known, ok := s.goodJWTs.get(hash); ok {
		if signer, refusal := s.issuer(known.claims["iss"]); refusal == nil && signer == known.signer {
			return signer, known.claims, nil
		}
	}
	var signer *app
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithJSONNumber(), jwt.WithoutClaimsValidation())
	claims := jwt.MapClaims{}
	_, err := parser.ParseWithClaims(encoded, claims, func(*jwt.Token) (any, error) {
		var refusal *apiError
		if signer, refusal = s.issuer(claims["iss"]); refusal != nil {
			return nil, refusal
		}
		return verificationKeys(signer.Keys), nil
	})
	if refusal, ok := errors.AsType[*apiError](err); ok {
		return nil, nil, refusal
	}
	if err != nil {
		return nil, nil, errUndecodable
	}
	s.goodJWTs.put(hash, goodJWT{signer, claims})
	return signer, claims, nil
}

// goodJWT is a JWT whose signature was verified. It is immutable, as an app is:
// changed keys are another *app.
type goodJWT struct {
	signer *app
	claims jwt.MapClaims
}

// goodJWTs remembers some JWTs by their SHA-256, since a server can be printed.
// The zero goodJWTs is empty.
type goodJWTs struct {
	mu   sync.Mutex
	jwts map[[sha256.Size]byte]goodJWT
}

const maxGoodJWTs = 64

func (g *goodJWTs) get(hash [sha256.Size]byte) (goodJWT, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	known, ok := g.jwts[hash]
	return known, ok
}

func (g *goodJWTs) put(hash [sha256.Size]byte, j goodJWT) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.jwts == nil || len(g.jwts) >= maxGoodJWTs {
		g.jwts = make(map[[sha256.Size]byte]goodJWT)
	}
	g.jwts[hash] = j
}

// issuer finds the app that iss names: its client ID, or its ID as a number or
// as text.
func (s *Server) issuer(iss any) (*app, *apiError) {
	var name string
	switch iss := iss.(type) {
	case string:
		name = iss
	case json.Number:
		name = iss.String()
	}
	if name == "" {
		return nil, errIssuerNotInteger
	}
	a, ok := s.appByIssuer(name)
	if !ok {
		return nil, errAppNotFound
	}
	if len(a.Keys) == 0 {
		return nil, errNoPublicKey
	}
	return a, nil
}

func verificationKeys(keys []*rsa.PublicKey) jwt.VerificationKeySet {
	var set jwt.VerificationKeySet
	for _, key := range keys {
		set.Keys = append(set.Keys, key)
	}
	return set
}

func integer(claim any) (int64, bool) {
	number, ok := claim.(json.Number)
	if !ok {
		return 0, false
	}
	value, err := number.Int64()
	return value, err == nil
}
