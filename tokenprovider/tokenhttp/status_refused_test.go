package tokenhttp_test

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// refused returns the rows of those who may not have what they ask for.
func refused() []statusRow {
	return []statusRow{
		{
			name: "no credentials", source: live, bearer: "-", status: 401,
			body: bodyUnauthenticated, headers: "WWW-Authenticate: Bearer",
		},
		{
			name: "bad credentials", source: live, bearer: "wrong", status: 401,
			body: bodyUnauthenticated, headers: "WWW-Authenticate: Bearer",
		},
		{name: "another workspace's id", source: live, path: "/workspaces/ws-2/token", status: 403, body: bodyForbidden},
		{
			name: "a workspace as administrator", source: live,
			path: "/admin/github-installation-token", status: 403, body: bodyForbidden,
		},
		{
			name: "forbidden by the authenticator", source: live,
			auth: authenticates(tokenhttp.Principal{}, tokenhttp.ErrForbidden), status: 403,
			body: bodyForbidden,
		},
		{
			name: "nobody, without an error", source: live,
			auth: authenticates(tokenhttp.Principal{}, nil), status: 403, body: bodyForbidden,
		},
		{
			name: "forbidden by the source", status: 403, body: bodyForbidden,
			source: func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
				return nil, tokenhttp.ErrForbidden
			},
		},
		{
			name: "the authenticator could not decide", source: live,
			auth:   authenticates(tokenhttp.Principal{WorkspaceID: "ws-1"}, errors.New("database is down")),
			status: 503, body: bodyNoAuthentication, headers: "Retry-After: 5",
		},
		{
			name: "the authenticator panics", source: live,
			auth:   authFunc(func(*http.Request) (tokenhttp.Principal, error) { panic(adminSecret) }),
			status: 503, body: bodyNoAuthentication, headers: "Retry-After: 5",
		},

		{name: "not admitted", source: live, opts: admits(tokenhttp.ErrForbidden), status: 403, body: bodyForbidden},
		{
			name: "too many requests", source: live,
			opts: admits(&tokenprovider.Error{
				Code: tokenprovider.CodeRateLimited, RetryAfter: 30 * time.Second,
			}),
			status:  429,
			body:    `{"error":"too many requests for tokens; try again later","code":"rate_limited"}`,
			headers: "Retry-After: 30",
		},
		{
			name: "admission could not decide", source: live, opts: admits(errors.New("database is down")),
			status: 503, body: bodyNoAdmission, headers: "Retry-After: 5",
		},
		{
			name: "admission panics", source: live,
			opts: &tokenhttp.Options{
				Admit: func(context.Context, tokenhttp.Principal) error { panic("no") },
			},
			status: 503, body: bodyNoAdmission, headers: "Retry-After: 5",
		},
		{
			name: "the audit panics", source: live,
			opts: &tokenhttp.Options{
				Audit: func(context.Context, tokenhttp.AuditRecord) { panic("disk full") },
			},
			status: 500, body: `{"error":"internal error","code":"internal"}`,
		},
	}
}
