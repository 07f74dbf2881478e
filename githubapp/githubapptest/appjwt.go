package githubapptest

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// maxJWTLife is how far ahead of GitHub's clock a JWT may expire.
const maxJWTLife = 10 * time.Minute

// verifyJWT checks an app's JWT as GitHub does: RS256 by one of the app's keys, an issuer that is an app, and the two
// times by the server's clock. The checks go in that order, so a foreign key hides a wrong clock.
func (s *Server) verifyJWT(encoded string) (*app, *apiError) {
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
		return nil, refusal
	}
	if err != nil {
		return nil, errUndecodable
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

// issuer finds the app that iss names: its client ID, or its ID as a number or as text.
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
