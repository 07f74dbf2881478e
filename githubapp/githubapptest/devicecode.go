package githubapptest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// What GitHub announces for the device flow (RFC 8628).
const (
	deviceCodeLife = 15 * time.Minute
	deviceInterval = 5 * time.Second
)

// deviceCode is a sign-in that a device waits for. s.mu guards it.
type deviceCode struct {
	appID     int64
	userCode  string
	expiresAt time.Time
	interval  time.Duration // that the device has to let pass between two questions
	askedAt   time.Time     // zero: not yet
	login     string        // who allowed it
	denied    bool
}

// decided reports whether the person has answered.
func (d *deviceCode) decided() bool { return d.denied || d.login != "" }

// requestDeviceCode answers POST /login/device/code.
func (s *Server) requestDeviceCode(asked url.Values) (any, *signInError) {
	_, a, ok := s.signInClient(asked)
	if !ok {
		return nil, errNoSuchClient
	}
	// Without vowels there are no words in it (RFC 8628, section 6.1).
	letters := randomText("", "BCDFGHJKLMNPQRSTVWXZ", 8)
	d := &deviceCode{
		appID: a.ID, userCode: letters[:4] + "-" + letters[4:], interval: deviceInterval, expiresAt: s.Now().Add(deviceCodeLife),
	}
	value := randomText("", "0123456789abcdef", 40)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signIns.deviceCodes[sha256.Sum256([]byte(value))] = d
	return struct {
		DeviceCode      string `json:"device_code"`
		UserCode        string `json:"user_code"`
		VerificationURI string `json:"verification_uri"`
		ExpiresIn       int64  `json:"expires_in"`
		Interval        int64  `json:"interval"`
	}{value, d.userCode, s.URL + "/login/device", int64(deviceCodeLife / time.Second), int64(deviceInterval / time.Second)}, nil
}

// Approve has a person allow the sign-in that a device waits for, as they do on
// GitHub's page with the code that the device shows. Letters of either case do,
// and the hyphen may be left out. It fails where the code is unknown, expired
// or answered already, or the login is no user's.
func (s *Server) Approve(userCode, login string) error {
	u, ok := s.userNamed(login)
	if !ok {
		return fmt.Errorf("githubapptest: Approve: there is no user %q", login)
	}
	return s.decide(userCode, func(d *deviceCode) { d.login = u.Login })
}

// Deny has a person refuse the sign-in that a device waits for. It fails as
// [Server.Approve] does.
func (s *Server) Deny(userCode string) error {
	return s.decide(userCode, func(d *deviceCode) { d.denied = true })
}

var errUserCode = errors.New("githubapptest: the user code is unknown, expired or answered already")

func (s *Server) decide(userCode string, how func(*deviceCode)) error {
	plain := func(code string) string { return strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(code), "-", "")) }
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.signIns.deviceCodes {
		if plain(d.userCode) == plain(userCode) && !d.decided() && time.Now().Add(s.clockOffset).Before(d.expiresAt) {
			how(d)
			return nil
		}
	}
	return errUserCode
}

// pollDevice answers a device that asks whether the person has signed in. Who
// asks too soon has to wait longer from then on. One that comes up to a second
// early is let pass, since the network may have held up the one before.
func (s *Server) pollDevice(a *app, value string) (grantJSON, *signInError) {
	hash := sha256.Sum256([]byte(value))
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().Add(s.clockOffset)
	d, ok := s.signIns.deviceCodes[hash]
	if !ok || d.appID != a.ID {
		return grantJSON{}, errDeviceCode
	}
	soon := !d.askedAt.IsZero() && now.Sub(d.askedAt) <= d.interval-time.Second
	d.askedAt = now
	switch {
	case !now.Before(d.expiresAt):
		return grantJSON{}, errDeviceExpired
	case soon:
		d.interval += deviceInterval
		slower := signInRefusal("slow_down", "Too many requests have been made in the same timeframe.")
		slower.interval = int64(d.interval / time.Second)
		return grantJSON{}, slower
	case d.denied:
		return grantJSON{}, errAccessDenied
	case d.login == "":
		return grantJSON{}, errPending
	}
	delete(s.signIns.deviceCodes, hash)
	return s.grant(a, d.login, true), nil
}
