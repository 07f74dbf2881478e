package githubapptest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// caller is who a request says it comes from. Only hashes of its credential are
// kept.
type caller struct {
	scheme string // as sent
	user   string // of Basic
	sha256 string
	hash   [sha256.Size]byte
	isJWT  bool // the credential has the shape of an app JWT

	app    *app      // whose JWT it is, verified
	appErr *apiError // why it is no app's

	appID          int64 // for the log: also of a refused JWT's app, and of a dead token's
	installationID int64
	login          string // of the person whose token it is
}

// identify reads the credential and, if it is a JWT, verifies it. A token is
// verified when it is used.
func (s *Server) identify(r *http.Request) caller {
	c := caller{appErr: errNoCredentials}
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme == "" {
		return c
	}
	c.scheme = string(blank([]byte(scheme))) // a bare token without a scheme isn't logged
	secret := strings.TrimSpace(rest)
	if strings.EqualFold(scheme, "Basic") {
		c.user, secret, _ = r.BasicAuth()
	}
	c.hash = sha256.Sum256([]byte(secret))
	c.sha256 = base64.StdEncoding.EncodeToString(c.hash[:])
	if t, ok := s.tokenByHash(c.hash); ok {
		c.appID, c.installationID, c.login = t.appID, t.installationID, t.login
	}
	c.appErr = errUndecodable
	c.isJWT = strings.EqualFold(scheme, "Bearer") && strings.Count(secret, ".") == 2 && !strings.HasPrefix(secret, "ghs_")
	if c.isJWT {
		c.app, c.appErr = s.verifyJWT(secret)
		if c.app != nil {
			c.appID = c.app.ID
		}
	}
	return c
}

// propagating tells whether the token is too young to be known everywhere.
// Without a delay none is, not even one that was minted later than now because
// the clock was set back since.
func (s *Server) propagating(t *token) bool {
	now := s.settings()
	return now.propagation > 0 && time.Now().Add(now.clockOffset).Before(t.mintedAt.Add(now.propagation))
}
