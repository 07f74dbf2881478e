package githubapptest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Refusals of GitHub, with its status and its text, for requests that are
// right. Where a test can make the server refuse by its state (a suspended
// installation, a foreign key, a wrong clock), that is the better test.
var (
	Suspended               Fault = errSuspended.fault()        // 403: the installation has been suspended
	NotFound                Fault = errNotFound.fault()         // 404: no such installation, or it was deleted
	AppNotFound             Fault = errAppNotFound.fault()      // 404: the JWT's issuer is no app, or it was deleted
	UndecodableJWT          Fault = errUndecodable.fault()      // 401: a key that isn't the app's, or no JWT at all
	ClockFast               Fault = errClockFast.fault()        // 401: exp more than 10 minutes ahead
	ClockSlow               Fault = errClockSlow.fault()        // 401: exp in the past
	IssuedInFuture          Fault = errIssuedInFuture.fault()   // 401: iat ahead
	IssuerNotInteger        Fault = errIssuerNotInteger.fault() // 401: iss refused
	RequiresAuthentication  Fault = errNoCredentials.fault()    // 401: no credentials
	BadCredentials          Fault = errBadCredentials.fault()   // 401: an expired, revoked or unknown token
	NotAccessible           Fault = errNotAccessible.fault()    // 403: the token lacks a permission
	PermissionNotGranted    Fault = errNotGranted.fault()       // 422: a mint asks for more than the account granted
	RepositoryNotAccessible Fault = errRepository.fault()       // 422: a mint names a repository outside the installation
	TooManyRepositories     Fault = errTooMany.fault()          // 422: a mint names more than 500 repositories
	EndpointSpammed         Fault = errSpammed.fault()          // 422: a throttle that doesn't look like one
	LoginAttempts           Fault = errLoginAttempts.fault()    // 403: locked out, after many bad credentials
	APIVersionEnded         Fault = errAPIVersionEnded.fault()  // 410: the API version is served no longer
)

func (e *apiError) fault() Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { e.write(w) }
}

// Refusal answers with GitHub's error body and that message.
func Refusal(status int, message string) Fault {
	return (&apiError{status: status, message: message}).fault()
}

// ValidationFailed answers with 422 and errors, each of which is, as on GitHub,
// a text or an object with the members resource, field, code and message.
func ValidationFailed(errors ...any) Fault {
	return (&apiError{status: http.StatusUnprocessableEntity, message: "Validation Failed", details: errors}).fault()
}

// PrimaryLimit answers that the primary rate limit is exceeded: with status,
// 403 or 429, and X-RateLimit-Remaining 0. X-RateLimit-Reset is reset from now
// by the server's clock; zero leaves that header out.
func PrimaryLimit(status int, reset time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		x := exchangeOf(r)
		name, limit := x.caller.bucket()
		h := w.Header()
		h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
		h.Set("X-RateLimit-Used", strconv.Itoa(limit))
		h.Set("X-RateLimit-Remaining", "0")
		h.Set("X-RateLimit-Reset", strconv.FormatInt(x.server.Now().Add(reset).Unix(), 10))
		if reset == 0 {
			h.Del("X-RateLimit-Reset")
		}
		limitExceeded(status, name).write(w)
	}
}

func limitExceeded(status int, name string) *apiError {
	message := fmt.Sprintf("API rate limit exceeded for %s.", name)
	return &apiError{status: status, message: message, docs: rateLimitsAreAbout}
}

// SecondaryLimit answers that the secondary rate limit is exceeded: with
// status, 403 or 429, and GitHub's message. The headers of the primary limit
// stay as they are. Retry-After is in whole seconds; zero leaves it out.
func SecondaryLimit(status int, retryAfter time.Duration) Fault {
	return throttled(retryAfter, &apiError{
		status:  status,
		message: "You have exceeded a secondary rate limit. " + waitAFewMinutes,
		docs:    rateLimitsAreAbout + "#about-secondary-rate-limits",
	})
}

// AbuseDetection answers as GitHub did before 2021 in place of SecondaryLimit,
// and as older GitHub Enterprise Servers do.
func AbuseDetection(retryAfter time.Duration) Fault {
	return throttled(retryAfter, &apiError{
		status:  http.StatusForbidden,
		message: "You have triggered an abuse detection mechanism. " + waitAFewMinutes,
		docs:    docs + "/overview/resources-in-the-rest-api#abuse-rate-limits",
	})
}

const waitAFewMinutes = "Please wait a few minutes before you try again."

func throttled(retryAfter time.Duration, e *apiError) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		if retryAfter > 0 {
			seconds := int64((retryAfter + time.Second - 1) / time.Second)
			w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
		}
		e.write(w)
	}
}
