package githubapptest

import (
	"encoding/json"
	"net/http"
	"strconv"
)

const (
	docs     = "https://docs.github.com/rest"
	mintDocs = docs + "/apps/apps#create-an-installation-access-token-for-an-app"
)

// apiError is an answer that says no, in GitHub's words.
type apiError struct {
	status  int
	message string
	docs    string // documentation_url; "" for the REST API's front page
	details []any  // "errors" of a 422
}

// Error lets an apiError travel through golang-jwt.
func (e *apiError) Error() string { return e.message }

// The answers of GitHub that are the same whatever was asked.
var (
	errNoCredentials       = &apiError{status: 401, message: "Requires authentication"}
	errBadCredentials      = &apiError{status: 401, message: "Bad credentials"}
	errUndecodable         = &apiError{status: 401, message: "A JSON web token could not be decoded"}
	errClockFast           = &apiError{status: 401, message: "'Expiration time' claim ('exp') is too far in the future"}
	errIssuerNotInteger    = &apiError{status: 401, message: "'Issuer' claim ('iss') must be an Integer"}
	errAppNotFound         = &apiError{status: 404, message: "Integration not found"}
	errNotFound            = &apiError{status: 404, message: "Not Found"}
	errNotAccessible       = &apiError{status: 403, message: "Resource not accessible by integration"}
	errNoInstallationToken = &apiError{status: 403, message: "You must authenticate with an installation access token " +
		"in order to list repositories for an installation."}
	errSuspended    = &apiError{status: 403, message: "This installation has been suspended"}
	errNoRateLimits = &apiError{status: 404, message: "Rate limiting is not enabled."}
	errSpammed      = &apiError{status: 422, message: "Validation failed, or the endpoint has been spammed."}
	errNoPublicKey  = &apiError{status: 401, message: "Integration must generate a public key"}
	errNotJSON      = &apiError{status: 400, message: "Problems parsing JSON"}
	errNotAnObject  = &apiError{status: 400, message: "Body should be a JSON object"}

	errClockSlow = &apiError{status: 401, message: "'Expiration time' claim ('exp') must be a numeric value " +
		"representing the future time at which the assertion expires"}
	errIssuedInFuture = &apiError{status: 401, message: "'Issued at' claim ('iat') must be an Integer " +
		"representing the time that the assertion was issued"}
	errNotGranted = &apiError{status: 422, docs: mintDocs,
		message: "The permissions requested are not granted to this installation."}
	errRepository = &apiError{status: 422, docs: mintDocs,
		message: "There is at least one repository that does not exist or is not accessible to the parent installation."}
	errTooMany = &apiError{status: 422, docs: mintDocs,
		message: "Too many repositories for installation. At most 500 repositories are permitted."}
	errLoginAttempts = &apiError{status: 403,
		message: "Maximum number of login attempts exceeded. Please try again later."}
	errAPIVersionEnded = &apiError{status: 410, docs: docs + "/about-the-rest-api/api-versions",
		message: "This API version is no longer supported. Please use a newer version."}
	errUnknownAPIVersion = &apiError{status: 400, docs: docs + "/about-the-rest-api/api-versions",
		message: "The X-GitHub-Api-Version that was requested is not supported."}
)

// write answers with the error.
func (e *apiError) write(w http.ResponseWriter) {
	body := struct {
		Message string `json:"message"`
		Errors  []any  `json:"errors,omitempty"`
		Docs    string `json:"documentation_url"`
		Status  string `json:"status"` // a string on GitHub's wire
	}{e.message, e.details, e.docs, strconv.Itoa(e.status)}
	if body.Docs == "" {
		body.Docs = docs
	}
	writeJSON(w, e.status, body)
}

// writeJSON answers with v. A v that can't be encoded is a mistake in this
// package.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("githubapptest: encode an answer: " + err.Error())
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
