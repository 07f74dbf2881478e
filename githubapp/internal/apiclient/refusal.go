package apiclient

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Refusal is an answer of GitHub's with another status than the one wanted.
type Refusal struct {
	Status           int
	Message          string // GitHub's own, at most 512 characters; "" when the answer was no JSON
	RequestID        string
	DocumentationURL string
	Method, Path     string // of the request
}

// String returns r for operators: method, path, status, GitHub's message, and
// the id of the request.
func (r *Refusal) String() string {
	text := fmt.Sprintf("%s %s: %d", r.Method, r.Path, r.Status)
	if r.Message != "" {
		text += " " + r.Message
	} else if status := http.StatusText(r.Status); status != "" {
		text += " " + status
	}
	if r.RequestID != "" {
		text += " (request id " + r.RequestID + ")"
	}
	return text
}

// What GitHub says, as far as it decides what to do. Texts are matched in part:
// their ends vary.
const (
	notGranted   = "permissions requested are not granted"
	notDecodable = "could not be decoded"
	issuerClaim  = "'Issuer' claim"
	expiryClaim  = "'Expiration time' claim"
	issuedClaim  = "'Issued at' claim"
	suspended    = "installation has been suspended"
	noSuchApp    = "Integration not found"
	noPublicKey  = "must generate a public key"
	lockedOut    = "Maximum number of login attempts"
)

func (r *Refusal) says(text string) bool { return strings.Contains(r.Message, text) }

// NotGranted reports whether the installation lacks a permission that was asked
// for.
func (r *Refusal) NotGranted() bool {
	return r.Status == http.StatusUnprocessableEntity && r.says(notGranted)
}

// AboutTheApp reports whether r is about the app as a whole, or the API's version:
// the client holds it back for that.
func (r *Refusal) AboutTheApp() bool { return r.aboutTheApp() || r.versionRefused() }

// Suspended reports whether the installation was suspended.
func (r *Refusal) Suspended() bool {
	return r.Status == http.StatusForbidden && r.says(suspended)
}

// Gone reports whether GitHub itself says that there is no such installation. A
// page of some gateway's doesn't say so, nor does an app that GitHub doesn't
// know, or the end of an API version.
func (r *Refusal) Gone() bool {
	return r.Status == http.StatusNotFound && r.Message == "Not Found" ||
		r.Status == http.StatusGone && r.Message != "" && !r.versionRefused()
}

// versionRefused reports whether GitHub doesn't know the API version, or no
// longer.
func (r *Refusal) versionRefused() bool {
	return (r.Status == http.StatusGone || r.Status == http.StatusBadRequest) &&
		(strings.Contains(strings.ToLower(r.Message), "api version") || r.says("X-GitHub-Api-Version") ||
			strings.Contains(r.DocumentationURL, "api-versions"))
}

// aboutTheApp reports whether any other request of the app would have been
// refused as well, for what it is or signs with.
func (r *Refusal) aboutTheApp() bool {
	return r.Status == http.StatusUnauthorized || r.Status == http.StatusNotFound && r.says(noSuchApp)
}

// clockRefused reports whether the JWT's times were refused: this machine's
// clock differs from GitHub's.
func (r *Refusal) clockRefused() bool {
	return r.Status == http.StatusUnauthorized && (r.says(expiryClaim) || r.says(issuedClaim))
}

// keyRefused reports whether the JWT's signature was refused: the key isn't one
// of the app's, which may have none.
func (r *Refusal) keyRefused() bool {
	return r.Status == http.StatusUnauthorized && (r.says(notDecodable) || r.says(noPublicKey))
}

// code returns the Code of r, but for rate limits.
func (r *Refusal) code() tokenprovider.Code {
	switch s := r.Status; {
	case s == http.StatusUnauthorized:
		return tokenprovider.CodeUnauthenticated
	case s == http.StatusForbidden:
		return tokenprovider.CodeForbidden
	case r.versionRefused():
		return tokenprovider.CodeInvalidRequest
	case s == http.StatusNotFound, s == http.StatusGone:
		return tokenprovider.CodeNotFound
	case r.NotGranted():
		return tokenprovider.CodeForbidden
	case s == http.StatusRequestTimeout, s >= 500:
		return tokenprovider.CodeUnavailable
	case s >= 400:
		return tokenprovider.CodeInvalidRequest
	default: // a redirect that isn't followed, a success that isn't the documented one
		return tokenprovider.CodeInternal
	}
}

// advice returns what to do about r, and "" where that isn't known.
func (r *Refusal) advice(isJSON bool) string {
	switch {
	case r.clockRefused():
		return "this machine's clock differs from GitHub's; set it by NTP"
	case r.Status == http.StatusUnauthorized && r.says(noPublicKey):
		return "the app with that id has no key; check Options.AppID and Options.ClientID, " +
			"and make a private key on the app's settings page"
	case r.versionRefused():
		return "GitHub doesn't serve this version of its API; set Options.APIVersion to one that it serves"
	case r.says(lockedOut):
		return "GitHub locks out who tries credentials that it refuses; it ends by itself"
	case r.keyRefused():
		return "the private key isn't one of this app's; " +
			"compare its fingerprint with those on the app's settings page"
	case r.Status == http.StatusUnauthorized && r.says(issuerClaim):
		return "the app's client ID wasn't accepted; check it, or set Options.AppID alone"
	case r.says(suspended):
		return "an owner of the account has to unsuspend it under Settings, GitHub Apps"
	case r.says(noSuchApp):
		return "there is no such app; check Options.AppID and Options.ClientID"
	case r.says(notGranted):
		return "grant them in the app's settings, and have an owner of the account accept them"
	case r.Status == http.StatusNotFound && !isJSON:
		return "this doesn't look like GitHub's API; " +
			"check Options.BaseURL (GitHub Enterprise Server: https://HOST/api/v3)"
	case r.Status >= 300 && r.Status < 400:
		return "it redirects, which isn't followed with credentials; " +
			"set Options.BaseURL to the final address"
	}
	return ""
}
