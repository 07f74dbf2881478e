package githubapp

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// APIError is an answer of GitHub's that isn't the one hoped for. It is inside the [*tokenprovider.Error] that the
// methods of this package return; get at it with [errors.As].
type APIError struct {
	Status           int    // of HTTP
	Message          string // GitHub's own, at most 512 bytes; "" when the answer was no JSON
	RequestID        string // GitHub's support asks for it
	DocumentationURL string
	Method, Path     string // of the request
}

// Error is for operators: method, path, status, GitHub's message, and the id of the request.
func (e *APIError) Error() string {
	text := fmt.Sprintf("%s %s: %d", e.Method, e.Path, e.Status)
	if e.Message != "" {
		text += " " + e.Message
	} else if status := http.StatusText(e.Status); status != "" {
		text += " " + status
	}
	if e.RequestID != "" {
		text += " (request id " + e.RequestID + ")"
	}
	return text
}

// What GitHub says, as far as it decides what to do. Texts are matched in part: their ends vary.
const (
	notGranted   = "permissions requested are not granted"
	notDecodable = "could not be decoded"
	issuerClaim  = "'Issuer' claim"
	expiryClaim  = "'Expiration time' claim"
	issuedClaim  = "'Issued at' claim"
	suspended    = "installation has been suspended"
	noSuchApp    = "Integration not found"
)

// code sorts e, but for rate limits.
func (e *APIError) code() tokenprovider.Code {
	switch s := e.Status; {
	case s == http.StatusUnauthorized:
		return tokenprovider.CodeUnauthenticated
	case s == http.StatusForbidden:
		return tokenprovider.CodeForbidden
	case s == http.StatusNotFound, s == http.StatusGone:
		return tokenprovider.CodeNotFound
	case s == http.StatusUnprocessableEntity && e.says(notGranted):
		return tokenprovider.CodeForbidden
	case s == http.StatusRequestTimeout, s >= 500:
		return tokenprovider.CodeUnavailable
	case s >= 400:
		return tokenprovider.CodeInvalidRequest
	default: // a redirect that isn't followed, a success that isn't the documented one
		return tokenprovider.CodeInternal
	}
}

func (e *APIError) says(text string) bool { return strings.Contains(e.Message, text) }

// clockRefused reports whether the JWT's times were refused: this machine's clock differs from GitHub's.
func (e *APIError) clockRefused() bool {
	return e.Status == http.StatusUnauthorized && (e.says(expiryClaim) || e.says(issuedClaim))
}

// keyRefused reports whether the JWT's signature was refused: the key isn't one of the app's.
func (e *APIError) keyRefused() bool {
	return e.Status == http.StatusUnauthorized && e.says(notDecodable)
}

// advice says what to do about e, where that is known.
func (e *APIError) advice(isJSON bool) string {
	switch {
	case e.clockRefused():
		return "this machine's clock differs from GitHub's; set it by NTP"
	case e.keyRefused():
		return "the private key isn't one of this app's; compare its fingerprint with those on the app's settings page"
	case e.Status == http.StatusUnauthorized && e.says(issuerClaim):
		return "the app's client ID wasn't accepted; check it, or set Options.AppID alone"
	case e.says(suspended):
		return "an owner of the account has to unsuspend it under Settings, GitHub Apps"
	case e.says(noSuchApp):
		return "there is no such app; check Options.AppID and Options.ClientID"
	case e.says(notGranted):
		return "grant them in the app's settings, and have an owner of the account accept them"
	case e.Status == http.StatusNotFound && !isJSON:
		return "this doesn't look like GitHub's API; check Options.BaseURL (GitHub Enterprise Server: https://HOST/api/v3)"
	case e.Status >= 300 && e.Status < 400:
		return "it redirects, which isn't followed with credentials; set Options.BaseURL to the final address"
	}
	return ""
}

// maxMessage bounds what is kept of a text that comes from outside.
const maxMessage = 512

var secret = regexp.MustCompile(`gh[a-z]_[A-Za-z0-9._-]{16,}|eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*)*`)

// printable is text from outside, fit for an error: short, on one line, and without a credential that it may repeat.
func printable(text, credential string) string {
	if credential != "" {
		text = strings.ReplaceAll(text, credential, "[redacted]")
	}
	text = secret.ReplaceAllString(text, "[redacted]")
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' ' // a terminal or a log viewer might obey it
	}, text)
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "..."
	}
	return text
}
