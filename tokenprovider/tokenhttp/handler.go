package tokenhttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// Options are the optional parts of a [Handler]. The zero Options are ready to use.
type Options struct {
	// Admit is asked after authentication, and only about who may have what they ask for otherwise. It gets the
	// principal that the [Source] gets. It is where a workspace that is released is refused at once, although its
	// bearer lives on, and where requests per workspace are limited. [ErrForbidden] is answered with 403, a
	// [tokenprovider.Error] of CodeRateLimited with 429 and its RetryAfter, any other error with 503.
	// Nil: all are admitted.
	Admit func(ctx context.Context, p Principal) error

	// Workspace finds what the platform knows of a workspace. It travels to the [Source] and the provider by
	// [provisionhook.WithWorkspace]; its ID is set when it is empty, and one of another workspace is refused. Its
	// errors are answered like Admit's. Nil: nothing is known.
	Workspace func(ctx context.Context, id string) (provisionhook.Workspace, error)

	// Hosts are those whose credentials the tokens are, each `host` or `host:port`: git, which asks by a POST of its
	// attributes, gets no answer for any other. Empty but not nil: it gets none at all. Default: github.com.
	Hosts []string

	// Username goes with each token: the user name that git's Basic authentication needs beside it.
	// Default: x-access-token.
	Username string

	// Audit gets every issue and refusal before it is answered. What it can't take (a panic) isn't issued. It holds
	// the request up, so it hands slow work on. Nil: the records go to Logger only.
	Audit func(ctx context.Context, r AuditRecord)

	// Logger gets every issue and refusal too, and the reasons that callers aren't told. Nil: nothing is logged.
	Logger *slog.Logger
}

// Handler serves tokens to workspaces. It is safe for concurrent use and holds no state of its own: what is fetched
// when, and for how many callers at once, is up to the providers, which therefore are a [tokenprovider.Cache] or
// hold one.
type Handler struct {
	source  Source
	auth    Authenticator
	options Options
}

var _ http.Handler = (*Handler)(nil)

// NewHandler is a Handler that gives the tokens of src to those whom auth knows; both are required, and there is no way
// to serve without an Authenticator. A nil opts means the defaults.
func NewHandler(src Source, auth Authenticator, opts *Options) (*Handler, error) {
	if src == nil {
		return nil, errors.New("tokenhttp: NewHandler needs a Source, FirstProvider(registry) for example")
	}
	if isNil(auth) {
		return nil, errors.New("tokenhttp: NewHandler needs an Authenticator, a WorkspaceKey for example")
	}
	h := &Handler{source: src, auth: auth}
	if opts != nil {
		h.options = *opts
	}
	if h.options.Username == "" {
		h.options.Username = gitcredential.DefaultUsername
	}
	if !printable(h.options.Username) || strings.Contains(h.options.Username, ":") {
		return nil, errors.New("tokenhttp: Options.Username has a space, a colon or a control character in it, or isn't ASCII")
	}
	hosts := []string{gitcredential.DefaultHost}
	if h.options.Hosts != nil {
		hosts = nil
		for _, host := range h.options.Hosts {
			parsed, err := gitcredential.ParseHosts(host)
			if err != nil {
				return nil, fmt.Errorf("tokenhttp: Options.Hosts: %w", err)
			}
			hosts = append(hosts, parsed...)
		}
	}
	h.options.Hosts = hosts
	if h.options.Logger == nil {
		h.options.Logger = slog.New(slog.DiscardHandler)
	}
	return h, nil
}

// Mount registers the endpoints on mux:
//
//	GET       /admin/github-installation-token
//	GET, POST /workspaces/{id}/github-installation-token
//	GET, POST /workspaces/{id}/token
//	POST      /workspaces/{id}/bearer
//
// The patterns name no method, so that other methods get this package's own answer. A mux on which a pattern with a
// method covers them, such as "GET /", panics over the conflict: use "/" there, or hand it h under a prefix of its own.
func (h *Handler) Mount(mux *http.ServeMux) {
	for _, rt := range routes {
		mux.Handle(rt.pattern, h)
	}
}

// ServeHTTP serves the paths of [Handler.Mount], for any other router; below a prefix, use [http.StripPrefix].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rt, id, ok := match(r.URL)
	if !ok {
		noRoute.write(w)
		return
	}
	record := newAuditRecord(r, id)
	answer, refused := h.serve(w, r, rt, id, &record)
	if refused != nil {
		record.Code = refused.code
	}
	if err := h.audit(r.Context(), record); err != nil {
		refused = internalError
	}
	if refused != nil {
		refused.write(w)
		return
	}
	answer.write(w, http.StatusOK)
}

// serve is the answer to r, or why there is none, and notes what it learns in record.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, rt route, id string, record *AuditRecord) (*reply, *refusal) {
	if !rt.allows(r.Method) {
		return nil, wrongMethod(rt.methods)
	}
	p, refused := authenticate(h.auth, r, h.options.Logger)
	if refused != nil {
		return nil, refused
	}
	record.Principal = p
	p, ok := rt.authorize(p, id)
	if !ok {
		return nil, forbidden
	}
	ctx, refused := h.admit(r.Context(), p)
	if refused != nil {
		return nil, refused
	}
	if rt.renews {
		return h.renew(r, record)
	}
	return h.token(ctx, w, r, p, record)
}

// authenticate is who sent r according to auth.
func authenticate(auth Authenticator, r *http.Request, logger *slog.Logger) (p Principal, refused *refusal) {
	err := guard(r.Context(), logger, "authenticator", func() (err error) {
		p, err = auth.Authenticate(r)
		return err
	})
	switch {
	case err == nil && p == Principal{}:
		return p, forbidden
	case err == nil:
		return p, nil
	case errors.Is(err, ErrUnauthenticated):
		return Principal{}, unauthenticated
	case errors.Is(err, ErrForbidden):
		return Principal{}, forbidden
	}
	logger.ErrorContext(r.Context(), "authentication unavailable", "error", err)
	return Principal{}, undecided("authentication", err)
}

// admit asks Options.Admit and Options.Workspace about p. The context is that of the request with what they know.
func (h *Handler) admit(ctx context.Context, p Principal) (context.Context, *refusal) {
	err := guard(ctx, h.options.Logger, "admission", func() error {
		if h.options.Admit != nil {
			if err := h.options.Admit(ctx, p); err != nil {
				return err
			}
		}
		if h.options.Workspace == nil || p.WorkspaceID == "" {
			return nil
		}
		workspace, err := h.options.Workspace(ctx, p.WorkspaceID)
		if err != nil {
			return err
		}
		if workspace.ID == "" {
			workspace.ID = p.WorkspaceID
		}
		if workspace.ID != p.WorkspaceID {
			return errors.New("tokenhttp: Options.Workspace answered with another workspace")
		}
		ctx = provisionhook.WithWorkspace(ctx, workspace)
		return nil
	})
	switch {
	case err == nil:
		return ctx, nil
	case errors.Is(err, ErrForbidden):
		return nil, forbidden
	case tokenprovider.CodeOf(err) == tokenprovider.CodeRateLimited:
		return nil, rateLimited(err)
	}
	h.options.Logger.ErrorContext(ctx, "admission unavailable", "workspace", p.WorkspaceID, "error", err)
	return nil, undecided("admission", err)
}

// renew answers with a new bearer for the workspace that r comes from.
func (h *Handler) renew(r *http.Request, record *AuditRecord) (*reply, *refusal) {
	record.Provider = BearerRenewal
	var bearer string
	var expiresAt time.Time
	err := guard(r.Context(), h.options.Logger, "renewer", func() (err error) {
		bearer, expiresAt, err = renew(h.auth, r)
		return err
	})
	switch {
	case err == nil && printable(bearer) && expiresAt.After(time.Now()):
		record.issued(bearer, expiresAt)
		return jsonReply(bearerAnswer{Bearer: bearer, ExpiresAt: wireTime(expiresAt)}), nil
	case err == nil:
		err = errors.New("tokenhttp: the renewer answered with a bearer that is malformed or has expired")
	case tokenprovider.CodeOf(err) == tokenprovider.CodeNotConfigured:
		return nil, noRenewal
	case errors.Is(err, ErrUnauthenticated): // it expired since it was accepted
		return nil, unauthenticated
	case errors.Is(err, ErrForbidden):
		return nil, forbidden
	}
	h.options.Logger.ErrorContext(r.Context(), "renewal unavailable", "workspace", record.Principal.WorkspaceID, "error", err)
	return nil, undecided("renewal", err)
}

// audit hands record to Options.Audit and the log.
func (h *Handler) audit(ctx context.Context, record AuditRecord) error {
	return guard(ctx, h.options.Logger, "audit", func() error {
		if h.options.Audit != nil {
			h.options.Audit(ctx, record)
		}
		record.log(ctx, h.options.Logger)
		return nil
	})
}
