package gateway

import (
	"net/http"
	"net/url"
)

// Forge is a forge behind a [Gateway]: where its services are, what a request
// to them means, and what form its answers have. Package githubapp/forge has
// the one for GitHub. Its methods are safe for concurrent use, neither wait nor
// make requests, and leave authentication, policy, rules for refs, streaming
// and records to the Gateway.
type Forge interface {
	// Operation returns what r asks for. For a request that it doesn't
	// recognise it returns a [*Refusal] that says so. The path of r is in
	// canonical form. Use [Git] for requests of git and Git LFS, and [Body]
	// where the body says what is asked for.
	Operation(r *http.Request) (Operation, error)

	// Target returns the forge's URL for r, which asks for op. Pass on only
	// those parameters of r's query that op was judged by or that can't change
	// what op does.
	Target(op Operation, r *http.Request) *url.URL

	// Header reports whether a request header is passed on. name is in
	// canonical form.
	Header(name string) bool

	// Authorize adds token to r in the way that the forge's service for op
	// takes it. token is empty when the [Grant] has no provider. Authorize also
	// removes headers, such as Accept-Encoding, that would keep Rewrite from
	// reading the answer.
	Authorize(r *http.Request, op Operation, token string)

	// Rewrite replaces the forge's own URL by base, the gateway's URL, in those
	// headers and bodies of an answer that say where a client goes next. An
	// error is answered with 502.
	Rewrite(resp *http.Response, op Operation, base *url.URL) error

	// Refuse answers r with status and message in the form in which the forge
	// refuses. r needn't be a request that Operation recognises.
	Refuse(w http.ResponseWriter, r *http.Request, status int, message string)

	// Wire sets the variables in env with which the forge's clients use base,
	// the gateway's URL, and authenticate with bearer, and returns the prefixes
	// of URLs that git has to replace by base (url.BASE.insteadOf in
	// git-config(1)). bearer is empty when a file holds it.
	Wire(env map[string]string, base *url.URL, bearer string) (insteadOf []string)
}
