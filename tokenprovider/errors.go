package tokenprovider

import (
	"errors"
	"fmt"
	"time"
)

// ErrNotConfigured means that there is nothing to get a token from: no variable
// is set, there is no file, or no provider is registered. It is the one error
// at which [Fallback] asks its next provider. Test for it with [errors.Is],
// which also finds an [*Error] of [CodeNotConfigured].
var ErrNotConfigured = errors.New("token provider not configured")

// Code says in one word why there is no token. Programs branch on it, and it is
// the same in JSON. Codes don't change.
type Code string

// The codes. Only after [CodeRateLimited] and [CodeUnavailable] can another try
// succeed without a change by someone.
const (
	CodeNotConfigured   Code = "not_configured"  // nothing to get a token from
	CodeUnauthenticated Code = "unauthenticated" // the platform's key or clock was refused, or the person it acts for has to sign in
	CodeForbidden       Code = "forbidden"       // suspended, or a permission that isn't granted
	CodeNotFound        Code = "not_found"       // unknown or removed
	CodeInvalidRequest  Code = "invalid_request" // the request can't succeed as it is
	CodeRateLimited     Code = "rate_limited"    // too many requests
	CodeUnavailable     Code = "unavailable"     // down, unreachable, too slow
	CodeInternal        Code = "internal"        // a defect: of a provider, or of this module
)

// Message returns the fixed sentence for c that a workspace may see;
// [Error.Error] is for operators only. It is "" for the empty code, and the
// sentence of CodeInternal for any code that isn't [Code.Known].
func (c Code) Message() string {
	switch c {
	case "":
		return ""
	case CodeNotConfigured:
		return "no token provider is configured on the platform"
	case CodeUnauthenticated:
		return "the credentials that tokens are made with are missing or were refused; where the platform acts as you, " +
			"sign in to it (again); else its operator has to check its key and clock"
	case CodeForbidden:
		return "access is suspended, or a permission is missing; ask the platform's operator"
	case CodeNotFound:
		return "what the token is for doesn't exist, or the platform has no access to it"
	case CodeInvalidRequest:
		return "the request for a token was refused as malformed"
	case CodeRateLimited:
		return "too many requests for tokens; try again later"
	case CodeUnavailable:
		return "no token can be had at the moment; try again"
	default:
		return "the platform failed to get a token; its log has the reason"
	}
}

// Known reports whether c is one of the codes of this package. A code that was
// read from an answer may be any text.
func (c Code) Known() bool {
	return c == CodeInternal || c != "" && c.Message() != CodeInternal.Message()
}

// Error is a failure to get a token, with what a program needs to decide what
// to do next. Providers return it, wrapped or not; an error without an *Error
// in it counts as [CodeUnavailable]. Neither Err nor its text may hold a secret
// or the body of a response.
type Error struct {
	Code       Code          // "": the code of Err
	RetryAfter time.Duration // how long the source said to wait; 0: it didn't say
	Err        error         // the cause, for operators; may be nil
}

// errorf returns an [*Error] of this package's with code.
func errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Err: fmt.Errorf("tokenprovider: "+format, args...)}
}

// Error returns the text for operators.
func (e *Error) Error() string {
	if e == nil {
		return "<nil>"
	}
	text := CodeOf(e).Message()
	if e.Err != nil {
		text = e.Err.Error()
	}
	if e.RetryAfter > 0 {
		text = fmt.Sprintf("%s (retry after %s)", text, e.RetryAfter)
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// Is reports whether target is [ErrNotConfigured] and e is of
// [CodeNotConfigured].
func (e *Error) Is(target error) bool {
	return target == ErrNotConfigured && CodeOf(e) == CodeNotConfigured
}

// Retryable reports whether trying again later can succeed without anyone
// changing anything.
func (e *Error) Retryable() bool { return CodeOf(e).retryable() }

func (c Code) retryable() bool { return c == CodeRateLimited || c == CodeUnavailable }

// RetryAfter returns how long the source of err asked to wait: the RetryAfter
// of the outermost [*Error] in its tree, or 0 when there is none.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok && e != nil {
		return e.RetryAfter
	}
	return 0
}

// CodeOf returns the code of err: "" for nil, that of the outermost [*Error] in
// its tree, [CodeNotConfigured] for [ErrNotConfigured], and [CodeUnavailable]
// for everything else, the errors of a context included.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok && errors.Is(err, ErrNotConfigured):
		return CodeNotConfigured
	case !ok, e == nil:
		return CodeUnavailable
	case e.Code == "" && e.Err != nil:
		return CodeOf(e.Err)
	case e.Code == "":
		return CodeUnavailable
	}
	return e.Code
}
