package oauth2token

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"golang.org/x/oauth2"
)

// verdict says what a failed exchange did to the refresh token.
type verdict int

const (
	unsure  verdict = iota // it may be spent, and the answer lost
	unspent                // it is as good as before
	refused                // the forge says that it is no good
)

// The error codes of a token endpoint that say which it is (RFC 6749, section
// 5.2, and what forges say in their place).
var (
	grantRefused  = []string{"invalid_grant", "bad_refresh_token", "invalid_refresh_token"}
	clientRefused = []string{"invalid_client", "unauthorized_client", "incorrect_client_credentials"}
	forgeAway     = []string{"temporarily_unavailable", "server_error", "slow_down"}
)

// tellable are the error codes that may be told, beside those: whatever else an
// answer has in their place may be anything.
var tellable = []string{"invalid_request", "invalid_scope", "unsupported_grant_type", "access_denied",
	"expired_token", "application_suspended", "unverified_user_email", "redirect_uri_mismatch"}

const longestRetryAfter = time.Hour

// judge returns what an answer without a token says of the refresh token, and
// the error to tell, which has nothing of the body but its error code. An
// answer of 200 may be one: some forges say so in the body alone.
func judge(answer *oauth2.RetrieveError, now time.Time) (verdict, *tokenprovider.Error) {
	status, retryAfter := 0, time.Duration(0)
	if answer.Response != nil {
		status = answer.Response.StatusCode
		retryAfter, _ = wire.ParseRetryAfter(answer.Response.Header.Get("Retry-After"), now, longestRetryAfter)
	}
	text := "the token endpoint refused"
	if status != 0 {
		text = fmt.Sprintf("the token endpoint answered %d %s", status, http.StatusText(status))
	}
	says := func(codes []string) bool { return slices.Contains(codes, answer.ErrorCode) }
	if says(slices.Concat(grantRefused, clientRefused, forgeAway, tellable)) {
		text += " (" + answer.ErrorCode + ")"
	}
	v, code := unspent, tokenprovider.CodeInvalidRequest
	switch {
	case status == http.StatusTooManyRequests:
		code = tokenprovider.CodeRateLimited
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly, says(forgeAway),
		status == 0 && answer.ErrorCode == "":
		v, code = unsure, tokenprovider.CodeUnavailable
	case says(grantRefused):
		v, code = refused, tokenprovider.CodeUnauthenticated
	case says(clientRefused), status == http.StatusUnauthorized:
		code = tokenprovider.CodeUnauthenticated
		text += ": it refused the client's id or secret"
	case status >= 300 && status < 400:
		text += ": redirects aren't followed, the token URL has to be the place itself"
	}
	err := errorf(code, "%s", text)
	if code == tokenprovider.CodeRateLimited || code == tokenprovider.CodeUnavailable {
		err.RetryAfter = retryAfter
	}
	return v, err
}
