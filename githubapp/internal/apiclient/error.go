package apiclient

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Error is why a request didn't bring what it wanted. It is immutable.
type Error struct {
	Code       tokenprovider.Code
	RetryAfter time.Duration // as GitHub hints; 0: it doesn't
	Refusal    *Refusal      // what GitHub answered; nil: nothing, or nothing that could be read
	Err        error         // the cause; beside a Refusal, what is to be said about it, or nil
	Held       bool          // no request was made: it would have ended as an earlier one did, whose error this is
	Secondary  bool          // the secondary rate limit: too much at once

	theirs *difference // GitHub's clock, as a refusal on the clock tells it; nil: no difference, or not told
}

// Error returns the text for operators.
func (e *Error) Error() string {
	switch {
	case e.Refusal == nil:
		return e.Err.Error()
	case e.Err == nil:
		return e.Refusal.String()
	}
	return e.Refusal.String() + "; " + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// internal returns an Error of CodeInternal.
func internal(format string, args ...any) error {
	return &Error{Code: tokenprovider.CodeInternal, Err: fmt.Errorf(format, args...)}
}

// refused returns the error for an answer with another status than the one
// wanted. Of one whose body broke off, status and headers decide: what it would
// have said isn't guessed.
func (c *Client) refused(r Request, got reply, credential string) error {
	var said struct {
		Message          string `json:"message"`
		DocumentationURL string `json:"documentation_url"`
	}
	isJSON := json.Unmarshal(got.body, &said) == nil
	refusal := &Refusal{
		Status:           got.status,
		Message:          Redact(said.Message, credential),
		RequestID:        Redact(got.header.Get("X-GitHub-Request-Id"), credential),
		DocumentationURL: Redact(said.DocumentationURL, credential),
		Method:           r.Method,
		Path:             r.Path,
	}
	e := &Error{Code: refusal.code(), Refusal: refusal}
	if refusal.limits(got.header) {
		e.Code, e.Secondary = tokenprovider.CodeRateLimited, refusal.secondary()
	}
	if refusal.clockRefused() {
		e.theirs = measure(got.header, got.sent, got.received)
	}
	hinted := e.Code == tokenprovider.CodeUnavailable && got.header.Get("Retry-After") != ""
	if hinted || e.Code == tokenprovider.CodeRateLimited {
		e.RetryAfter = retryAfter(got.header, c.clock.now())
		if refusal.says(lockedOut) {
			e.RetryAfter = max(e.RetryAfter, lockOutHold)
		}
	}
	if got.broken != nil {
		e.Err = errors.New("the answer broke off, so GitHub may have said more")
	} else if advice := refusal.advice(isJSON); advice != "" {
		e.Err = errors.New(advice)
	}
	return e
}

// maxText bounds what is kept of a text that comes from outside, in characters.
const maxText = 512

var (
	credentials = regexp.MustCompile(`gh[a-z]_[A-Za-z0-9._-]{16,}|eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*)*`)
	userInfo    = regexp.MustCompile(`(://)[^\s"'<>]*@`) // of a proxy's URL; a password may hold a slash
)

// Redact returns text from outside as an error may show it: short, on one line,
// without the credential, without anything else that looks like one, and
// without the user and password in a URL.
func Redact(text, credential string) string {
	if credential != "" {
		text = strings.ReplaceAll(text, credential, secret.Redacted)
	}
	text = userInfo.ReplaceAllString(text, "${1}"+secret.Redacted+"@")
	return wire.OneLine(credentials.ReplaceAllString(text, secret.Redacted), maxText)
}
