package gateway

import (
	"net/http"
	"net/url"
)

// Forge is what is behind a [Gateway]: where its services are, what a request
// means there, and how it speaks. githubapp/forge has GitHub's. It is safe for
// concurrent use, and its methods neither wait nor make requests.
//
// What the Gateway does for every forge isn't theirs: who asks, whether they
// may, the rules for refs, streaming, and the records.
type Forge interface {
	// Operation says what r asks for. What it doesn't recognise is a
	// [*Refusal] that says so. r's path is canonical already; its body is read
	// only where it says what is meant, within [MaxBody], and is put back. What
	// belongs to git's own protocols is told by [Git].
	Operation(r *http.Request) (Operation, error)

	// Target returns where op goes. The query of r goes on only as far as it is
	// part of what op says.
	Target(op Operation, r *http.Request) *url.URL

	// Header reports whether a request header of that canonical name goes on.
	Header(name string) bool

	// Authorize makes r, which has no credential, one that op's service takes:
	// with token, which is empty where the grant has none, and without a header
	// that would keep Rewrite from reading the answer.
	Authorize(r *http.Request, op Operation, token string)

	// Rewrite changes what leads a client past base, the gateway's own URL: the
	// headers and bodies with which the forge says where to go next. An error
	// is answered with 502.
	Rewrite(resp *http.Response, op Operation, base *url.URL) error

	// Refuse answers r, of which nothing need be known, as the forge would.
	Refuse(w http.ResponseWriter, r *http.Request, status int, message string)

	// Wire sets the variables by which this forge's clients find base and
	// authenticate themselves, and returns the prefixes of URLs for which git is
	// to take base instead. bearer is empty where it is in a file.
	Wire(env map[string]string, base *url.URL, bearer string) (insteadOf []string)
}
