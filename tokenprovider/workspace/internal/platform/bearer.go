package platform

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
)

// Bearer is the credential that the workspace authenticates with. A file is
// read again at each call.
type Bearer struct {
	file   string // one of the two is set
	inline secret.Of[string]
}

// NewBearer returns the bearer of e, whose URL may be missing.
func NewBearer(e config.Endpoint) Bearer { return Bearer{file: e.BearerFile, inline: e.Bearer} }

var _ tokenprovider.TokenProvider = Bearer{}

// Token returns the bearer as it is now. Whether it has expired is for the
// platform's clock to say, so that it is given out as one without a known
// expiry.
func (b Bearer) Token(ctx context.Context) (string, time.Time, error) {
	if b.file == "" {
		return b.inline.Reveal(), time.Time{}, nil
	}
	if info, err := os.Stat(b.file); err == nil && !info.Mode().IsRegular() {
		// A pipe would have git wait for whoever writes to it.
		return "", time.Time{}, fmt.Errorf("%s must be a regular file", wire.EnvBearerFile)
	}
	value, _, err := tokenprovider.File(b.file).Token(ctx)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("%s: %w", wire.EnvBearerFile, err)
	}
	return value, time.Time{}, nil
}

// Credential returns the bearer as it is now, with what it says about itself.
func (b Bearer) Credential(ctx context.Context) (Credential, error) {
	value, _, err := b.Token(ctx)
	if err != nil {
		return Credential{}, err
	}
	return parseCredential(value), nil
}

// Credential is one bearer, and what it says about itself if it is a JWT.
// Nothing here verifies it: that is the platform's part.
type Credential struct {
	Value     secret.Of[string]
	Subject   string    // of a JWT; "" for what is none
	Issuer    string    // of a JWT that isn't the platform's own; "" for that
	Audience  []string  // of a JWT: for whom it is
	ExpiresAt time.Time // zero: it doesn't say, or never
}

func parseCredential(value string) Credential {
	c := Credential{Value: secret.New(value)}
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(value, &claims); err != nil || claims.Subject == "" {
		return c
	}
	c.Subject, c.Issuer, c.Audience = claims.Subject, claims.Issuer, claims.Audience
	if claims.ExpiresAt != nil {
		c.ExpiresAt = claims.ExpiresAt.Time
	}
	return c
}

// Expired reports whether it is known to be over.
func (c Credential) Expired(now time.Time) bool {
	return !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt)
}
