package tokenhttp_test

import (
	"context"
	"errors"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// noRegistry is a platform without plugins.
var noRegistry *provisionhook.Registry

// unprovided returns the rows of platforms that have no token to give.
func unprovided() []statusRow {
	return []statusRow{
		{name: "no registry", source: tokenhttp.FirstProvider(nil), status: 404, body: bodyNoRegistry},
		{name: "no registry, per workspace", source: tokenhttp.PerWorkspace(nil), status: 404, body: bodyNoRegistry},
		{name: "no registry, a nil pointer", source: tokenhttp.FirstProvider(noRegistry), status: 404, body: bodyNoRegistry},
		{
			name:   "no registry, a nil pointer, per workspace",
			source: tokenhttp.PerWorkspace(noRegistry), status: 404, body: bodyNoRegistry,
		},
		{name: "one provider, which is nil", source: tokenhttp.One(nil), status: 404, body: bodyNoProvider},
		{
			name: "no provider", source: tokenhttp.FirstProvider(provisionhook.NewRegistry()),
			status: 404, body: bodyNoProvider,
		},
		{name: "a typed nil provider", source: fixed((*tokenprovider.Cache)(nil)), status: 404, body: bodyNoProvider},
		{
			name: "a provider that isn't configured", source: fixed(tokenprovider.Static("")),
			status: 404, body: bodyNoProvider,
		},
		{
			name: "a source that isn't configured", status: 404, body: bodyNoProvider,
			source: func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
				return nil, tokenprovider.ErrNotConfigured
			},
		},

		{
			name: "the provider failed", source: fails(errors.New("connection refused")),
			status: 500, body: bodyFailed + `unavailable"}`,
		},
		{
			name: "the provider is rate limited",
			source: fails(&tokenprovider.Error{
				Code: tokenprovider.CodeRateLimited, RetryAfter: 61500 * time.Millisecond,
			}),
			status: 500, body: bodyFailed + `rate_limited"}`, headers: "Retry-After: 62",
		},
		{
			name:   "the platform's key was refused",
			source: fails(&tokenprovider.Error{Code: tokenprovider.CodeUnauthenticated}),
			status: 500, body: bodyFailed + `unauthenticated"}`,
		},
		{
			name:   "the installation is suspended",
			source: fails(&tokenprovider.Error{Code: tokenprovider.CodeForbidden}), status: 500,
			body: bodyFailed + `forbidden"}`,
		},
		{
			name:   "a code of the provider's own",
			source: fails(&tokenprovider.Error{Code: "on fire"}), status: 500,
			body: bodyFailed + `internal"}`,
		},
		{
			name: "the source failed", status: 500, body: bodyFailed + `unavailable"}`,
			source: func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
				return nil, errors.New("database is down")
			},
		},
		{
			name: "the source panics", status: 500, body: bodyFailed + `internal"}`,
			source: func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) { panic(tokenSecret) },
		},
		{
			name: "the provider panics", status: 500, body: bodyFailed + `internal"}`,
			source: fixed(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
				panic(errors.New(tokenSecret))
			})),
		},
		{
			name: "an empty token", source: fixed(leased("", in2099)), status: 500,
			body: `{"error":"token refresh failed: empty token","code":"internal"}`,
		},
		{
			name:   "an expired token",
			source: fixed(leased(tokenSecret, time.Now().Add(-time.Second))), status: 500,
			body: bodyFailed + `internal"}`,
		},
		{
			name: "a token with a space", source: fixed(leased(tokenSecret+" x", in2099)),
			status: 500, body: bodyFailed + `internal"}`,
		},
		{
			name:   "a token with a line break",
			source: fixed(leased(tokenSecret+"\nhost=evil.example", in2099)), status: 500,
			body: bodyFailed + `internal"}`,
		},
	}
}
