package githubapptest

import (
	"crypto/sha256"
	"strings"
	"time"
)

// How long the tokens live that a person's sign-in brings.
const (
	defaultUserTokenLife = 8 * time.Hour          // a user access token, ghu_
	refreshTokenLife     = 15897600 * time.Second // its refresh token, ghr_: six months
)

// refreshToken is what renews a user access token, once. Its value is not kept.
type refreshToken struct {
	appID     int64
	login     string
	device    bool   // the sign-in was by the device flow, so it takes no client secret
	access    *token // that it came with
	expiresAt time.Time
}

// grantJSON is what a sign-in and a refresh are answered with. Without an
// expiry the members that speak of one are left out.
type grantJSON struct {
	AccessToken           string `json:"access_token"`
	ExpiresIn             int64  `json:"expires_in,omitempty"`
	RefreshToken          string `json:"refresh_token,omitempty"`
	RefreshTokenExpiresIn int64  `json:"refresh_token_expires_in,omitempty"`
	Scope                 string `json:"scope"` // always empty: these tokens have permissions
	TokenType             string `json:"token_type"`
}

// SetUserTokenLife changes how long user access tokens live that come into
// being from now on. Whole seconds are announced; zero or less restores
// 8 hours. That of refresh tokens is GitHub's, and
// [Server.SetClockOffset] ends it.
func (s *Server) SetUserTokenLife(d time.Duration) {
	if d <= 0 {
		d = defaultUserTokenLife
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signIns.tokenLife = d
}

// SetUserTokenExpiry turns off, or on again, that an app's user access tokens
// expire, as the owner of an app can: those that come into being from now on
// then live until they are revoked, and there is no refresh token. An unknown
// app is ignored.
func (s *Server) SetUserTokenExpiry(appID int64, expires bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.apps[appID]; ok {
		changed := *a
		changed.lastingTokens = !expires
		s.apps[appID] = &changed
	}
}

// RevokeGrant takes back what a person allowed an app: all tokens of their
// sign-ins are dead. A person or an app that is unknown is ignored, and no
// webhook is told.
func (s *Server) RevokeGrant(appID int64, login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tokens.byHash {
		if t.appID == appID && strings.EqualFold(t.login, login) {
			markRevoked(t)
		}
	}
	for hash, r := range s.signIns.refreshTokens {
		if r.appID == appID && strings.EqualFold(r.login, login) {
			delete(s.signIns.refreshTokens, hash)
		}
	}
}

// grant makes the tokens of a person for an app. s.mu is held.
func (s *Server) grant(a *app, login string, device bool) grantJSON {
	now := time.Now().Add(s.clockOffset)
	access := &token{appID: a.ID, login: login, mintedAt: now}
	out := grantJSON{AccessToken: classicToken("ghu_"), TokenType: "bearer"}
	if !a.lastingTokens {
		out.ExpiresIn = max(1, int64(s.signIns.tokenLife/time.Second))
		access.expiresAt = now.Add(s.signIns.tokenLife)
		out.RefreshToken = randomText("ghr_", alphanumeric, 76)
		out.RefreshTokenExpiresIn = int64(refreshTokenLife / time.Second)
		s.signIns.refreshTokens[sha256.Sum256([]byte(out.RefreshToken))] = &refreshToken{
			appID: a.ID, login: login, device: device, access: access, expiresAt: now.Add(refreshTokenLife),
		}
	}
	s.tokens.add(out.AccessToken, access)
	return out
}

// refresh puts new tokens in the place of those that value renews, which are
// dead from then on. A client that has no secret hears of a spent refresh token
// as any other does.
func (s *Server) refresh(a *app, client clientCredentials, value string) (grantJSON, *signInError) {
	hash := sha256.Sum256([]byte(value))
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.signIns.refreshTokens[hash]
	known := ok && old.appID == a.ID && time.Now().Add(s.clockOffset).Before(old.expiresAt)
	switch unproven := !client.proves(a); {
	case unproven && (client.secret != "" || (known && !old.device)):
		return grantJSON{}, errClientCredentials
	case !known:
		return grantJSON{}, errBadRefreshToken
	}
	delete(s.signIns.refreshTokens, hash)
	markRevoked(old.access)
	return s.grant(a, old.login, old.device), nil
}
