package tokenhttp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Handler is an [http.Handler] that serves tokens to workspaces. It is safe for
// concurrent use and caches no token: its providers should be a
// [tokenprovider.Cache] or have one. A request waits for its provider until the
// caller leaves; a request with a body waits for a minute at most.
type Handler struct {
	source  Source
	auth    Authenticator
	options Options

	unjudged wire.Unjudged
}

var _ http.Handler = (*Handler)(nil)

// NewHandler returns a Handler that gives senders whom auth accepts the tokens
// of src. Both are required. A nil opts means the defaults. The error names
// what is missing or malformed.
func NewHandler(src Source, auth Authenticator, opts *Options) (*Handler, error) {
	if src == nil {
		return nil, errors.New("tokenhttp: NewHandler needs a Source, FirstProvider(registry) for example")
	}
	if foreign.IsNil(auth) {
		return nil, errors.New("tokenhttp: NewHandler needs an Authenticator, a WorkspaceKey for example")
	}
	if opts == nil {
		opts = &Options{}
	}
	options, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Handler{source: src, auth: auth, options: options}, nil
}

// Mount registers the endpoints on mux:
//
//	GET       /admin/github-installation-token
//	GET, POST /workspaces/{id}/github-installation-token
//	GET, POST /workspaces/{id}/token
//
// The patterns name no method, so that the Handler answers other methods
// itself, with 405. Mount panics where the mux has a pattern with a method that
// conflicts with them, such as "GET /": use "/" there, or mount h under a
// prefix.
func (h *Handler) Mount(mux *http.ServeMux) {
	for _, rt := range routes {
		mux.Handle(rt.pattern, h)
	}
}

const (
	// patience bounds a request with a body, which nobody may read to its end:
	// until then net/http doesn't notice that its caller is gone.
	patience = time.Minute

	// bodyTimeout bounds the wait for the rest of a body.
	bodyTimeout = 10 * time.Second
)

// boundBody bounds the wait for the body of r, where the server allows that. It
// is called before the body is read, and before an answer: net/http reads what
// is left of a body, up to 256 KiB, before it sends an answer or takes the
// connection's next request, and sets no time for that. It lifts the deadline
// itself, after the body or after the answer.
func boundBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	}
}

// ServeHTTP serves the paths of [Handler.Mount], for use with another router.
// Under a prefix, wrap h in [http.StripPrefix].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, refused := h.serve(w, r)
	if refused != nil {
		refused.Write(w)
		return
	}
	answer.Write(w, http.StatusOK)
}

// serve returns the answer to r, or why there is none.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request) (wire.Answer, *wire.Refusal) {
	rt, id, ok := match(r.URL)
	if !ok {
		boundBody(w, r)
		return wire.Answer{}, noRoute
	}
	if r.ContentLength != 0 {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		r = r.WithContext(ctx)
	}
	record := newAuditRecord(r, id)
	x := &exchange{Handler: h, request: r, route: rt, id: id}
	answer, refused := x.serve(w, &record)
	if refused != nil {
		record.Code = tokenprovider.Code(refused.Code)
	}
	if unrecorded := h.audit(r.Context(), &record); unrecorded != nil {
		refused = unrecorded
	}
	if !x.bounded {
		boundBody(w, r)
	}
	return answer, refused
}
