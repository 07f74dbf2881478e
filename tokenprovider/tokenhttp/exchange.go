package tokenhttp

import (
	"context"
	"net/http"
	"sync"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// exchange is one request on its way to a token. The code on its way is foreign
// and runs on another goroutine, which is left behind when it hangs and the
// request ends: see within. What both goroutines know is in at.
type exchange struct {
	*Handler
	request *http.Request
	route   route
	id      string // of the workspace in the URL
	wish    wish
	bounded bool // that its body has a deadline

	mu sync.Mutex
	at position
}

// position says how far an exchange has come.
type position struct {
	stage     stage
	sender    Principal // once that is proved
	workspace string    // whose token it is about, once its sender may ask for it
	provider  string    // the name of whose token it will be
}

// stage names the code that an exchange meets.
type stage string

const (
	atAuthenticator stage = "authenticator"
	atAdmission     stage = "admission"
	atSource        stage = "source"
	atProvider      stage = "provider"
	atAudit         stage = "audit"
)

// serve returns the answer to the request, or why there is none, and notes what
// it learns in record.
func (x *exchange) serve(w http.ResponseWriter, record *AuditRecord) (wire.Answer, *wire.Refusal) {
	r := x.request
	if !x.route.allows(r.Method) {
		return wire.Answer{}, wrongMethod(x.route.methods)
	}
	x.wish = wishOf(r)
	held, encode, refused := x.run(w)
	at := x.position()
	record.Principal, record.Provider, record.Repository = at.sender, at.provider, x.wish.repository
	if refused != nil {
		return wire.Answer{}, refused
	}
	answer, err := encode(held.token, held.expiresAt)
	if err != nil {
		err = &tokenprovider.Error{Code: tokenprovider.CodeInternal, Err: err}
		return wire.Answer{}, x.refusal(r.Context(), at, err)
	}
	record.issued(held.token, held.expiresAt)
	return answer, nil
}

// run returns what x is for, and how that is encoded in the answer.
func (x *exchange) run(w http.ResponseWriter) (held issued, encode encoding, refused *wire.Refusal) {
	if x.wish.git {
		return x.runForGit(w)
	}
	held, refused = within(x, func(ctx context.Context) (issued, error) {
		in, err := x.admit(ctx)
		if err != nil {
			return issued{}, err
		}
		return x.issue(in)
	})
	return held, x.asJSON, refused
}

// runForGit does what run does where git asks. The body is read once its sender
// is admitted, and by the goroutine of the request: one that is left behind may
// not touch w.
func (x *exchange) runForGit(w http.ResponseWriter) (held issued, encode encoding, refused *wire.Refusal) {
	in, refused := within(x, x.admit)
	if refused == nil {
		boundBody(w, x.request) // git's request has a kilobyte: it comes at once or not at all
		x.bounded = true
		encode, x.wish.repository, refused = x.asGit(x.request, x.wish.repository)
	}
	if refused == nil {
		held, refused = within(x, func(context.Context) (issued, error) { return x.issue(in) })
	}
	return held, encode, refused
}

// enter notes that the code of s runs next, and that what note adds is known.
// Nothing more runs once the request has ended.
func (x *exchange) enter(ctx context.Context, s stage, note func(*position)) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.at.stage = s
	if note != nil {
		note(&x.at)
	}
	return ctx.Err()
}

// position returns how far x has come.
func (x *exchange) position() position {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.at
}
