package tokenhttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// maxRetryAfter bounds what an endpoint can ask a client to wait.
const maxRetryAfter = 24 * time.Hour

// coded returns an error of code with a text of this package's.
func coded(code tokenprovider.Code, format string, args ...any) error {
	return &tokenprovider.Error{Code: code, Err: fmt.Errorf("tokenhttp: "+format, args...)}
}

// misconfigured returns the error for a Client that can't work as it is.
func misconfigured(problem string) error {
	return coded(tokenprovider.CodeInvalidRequest, "%s", problem)
}

// unusable returns the error for a 200 that isn't an answer of the endpoint's,
// for what reason. One that came too late is: another try may be in time.
func unusable(req request, reason error) error {
	code := tokenprovider.CodeInternal
	if reason == errTooLate {
		code = tokenprovider.CodeUnavailable
	}
	return coded(code, "%s: the answer can't be used: %w", req, reason)
}

// unreachable returns the error for a request that got no complete answer.
func unreachable(req request, cause error) error {
	for e, ok := errors.AsType[*url.Error](cause); ok; e, ok = errors.AsType[*url.Error](cause) {
		cause = e.Err // its own text has the query
	}
	return coded(tokenprovider.CodeUnavailable, "%s: %w", req, wire.Tellable(cause))
}

// statusError returns the error for an answer with another status than 200.
func statusError(req request, resp *http.Response, body []byte) error {
	code := codeOfStatus(resp.StatusCode)
	isJSON := wire.IsJSON(resp.Header)
	var answer wire.Error
	if isJSON && json.Unmarshal(body, &answer) == nil {
		if said := tokenprovider.Code(answer.Code); said.Known() {
			code = said
		}
	}
	wait, _ := wire.ParseRetryAfter(resp.Header.Get("Retry-After"), time.Now(), maxRetryAfter)
	text := fmt.Sprintf("tokenhttp: %s: %d %s (%s)", req, resp.StatusCode, http.StatusText(resp.StatusCode), code)
	cause := &wire.StatusError{Status: resp.StatusCode, JSON: isJSON, Text: text}
	return &tokenprovider.Error{Code: code, RetryAfter: wait, Err: cause}
}

// codeOfStatus returns the code for a status whose sender doesn't say one of
// ours. A 404 or a redirect without it comes from something in between, so it
// says nothing of the endpoint.
func codeOfStatus(status int) tokenprovider.Code {
	switch {
	case status == http.StatusUnauthorized:
		return tokenprovider.CodeUnauthenticated
	case status == http.StatusForbidden:
		return tokenprovider.CodeForbidden
	case status == http.StatusTooManyRequests:
		return tokenprovider.CodeRateLimited
	case status == http.StatusNotFound, status == http.StatusRequestTimeout,
		status < 400, status >= 500:
		return tokenprovider.CodeUnavailable
	}
	return tokenprovider.CodeInvalidRequest
}

// withoutQuery returns u as errors may show it.
func withoutQuery(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}
