package wire

import (
	"net/http"
	"strings"
	"time"
)

// Refusal is an answer without what was asked for. Its message is a fixed
// sentence: the reasons of an error are for a log. A *Refusal is the error of who
// finds out that there is none.
type Refusal struct {
	Status     int
	Code       string // a tokenprovider.Code
	Message    string
	RetryAfter time.Duration // 0: no Retry-After
	Allow      []string      // the methods that are answered, for 405
	Challenges []string      // how to authenticate, for 401
}

// NotAdmitted is the message of a gateway to a workspace that Admit refuses.
const NotAdmitted = "the platform doesn't let this workspace in"

// Error returns the message.
func (r *Refusal) Error() string { return r.Message }

// Write sends r.
func (r *Refusal) Write(w http.ResponseWriter) {
	header := w.Header()
	if len(r.Challenges) > 0 {
		header["Www-Authenticate"] = r.Challenges
	}
	if len(r.Allow) > 0 {
		header.Set("Allow", strings.Join(r.Allow, ", "))
	}
	SetRetryAfter(header, r.RetryAfter)
	JSONAnswer(Error{Error: r.Message, Code: r.Code}).Write(w, r.Status)
}
