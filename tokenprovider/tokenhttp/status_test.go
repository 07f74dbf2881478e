package tokenhttp_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// authFunc is an Authenticator of a test's own.
type authFunc func(*http.Request) (tokenhttp.Principal, error)

func (f authFunc) Authenticate(r *http.Request) (tokenhttp.Principal, error) { return f(r) }

const gitCredential = "application/x-git-credential"

// TestTheStatusTable is the contract with every client: status, body and headers, byte for byte. A change of a row
// breaks workspaces that are running.
func TestTheStatusTable(t *testing.T) {
	key := newKey(t)
	expiresAt := time.Date(2099, 7, 1, 14, 30, 15, 999, time.FixedZone("", 2*60*60))
	live := fixed(leased(tokenSecret, expiresAt))
	fails := func(err error) tokenhttp.Source { return fixed(failing(err)) }
	admits := func(err error) *tokenhttp.Options {
		return &tokenhttp.Options{Admit: func(context.Context, tokenhttp.Principal) error { return err }}
	}
	auth := func(p tokenhttp.Principal, err error) tokenhttp.Authenticator {
		return authFunc(func(*http.Request) (tokenhttp.Principal, error) { return p, err })
	}
	own := "/workspaces/ws-1/token"
	var noRegistry *provisionhook.Registry
	const ok = `{"token":"` + tokenSecret + `","expires_at":"2099-07-01T12:30:15Z","username":"x-access-token"}`
	const gitAsks = "protocol=https\nhost=github.com\n\n"
	const gitOK = "username=x-access-token\npassword=" + tokenSecret + "\npassword_expiry_utc=4086592215\n"
	const fail = `{"error":"token refresh failed","code":"`

	for _, row := range []struct {
		name    string
		source  tokenhttp.Source
		auth    tokenhttp.Authenticator // nil: the key and the administrator
		opts    *tokenhttp.Options
		method  string // "": GET
		path    string // "": own
		bearer  string // "": of ws-1; "-": none
		status  int
		body    string
		headers string // beside those of every answer
		accept  string
		send    string // the body of the request
	}{
		{name: "ok", source: live, status: 200, body: ok},
		{name: "ok from the one provider", source: tokenhttp.One(leased(tokenSecret, expiresAt)), status: 200, body: ok},
		{name: "ok by POST", source: live, method: "POST", status: 200, body: ok},
		{name: "ok on the other path", source: live, path: "/workspaces/ws-1/github-installation-token", status: 200, body: ok},
		{name: "ok on the other path by POST", source: live, method: "POST", path: "/workspaces/ws-1/github-installation-token", status: 200, body: ok},
		{name: "ok for an administrator", source: live, bearer: adminSecret, path: "/admin/github-installation-token", status: 200, body: ok},
		{name: "ok for an administrator about a workspace", source: live, bearer: adminSecret, status: 200, body: ok},
		{
			name: "ok without known expiry", source: fixed(tokenprovider.Static(tokenSecret)), status: 200,
			body: `{"token":"` + tokenSecret + `","username":"x-access-token"}`,
		},
		{
			name: "ok with another username", source: fixed(tokenprovider.Static(tokenSecret)), opts: &tokenhttp.Options{Username: "oauth2"}, status: 200,
			body: `{"token":"` + tokenSecret + `","username":"oauth2"}`,
		},
		{name: "min_ttl", source: live, path: own + "?min_ttl=10m", status: 200, body: ok},

		{name: "ok, as JSON before anything else", source: live, method: "POST", accept: "application/json, */*;q=0.1", status: 200, body: ok},
		{name: "ok, as JSON for a browser", source: live, accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", status: 200, body: ok},
		{name: "ok, as JSON for who accepts nothing of ours", source: live, method: "POST", accept: "image/png", status: 200, body: ok},
		{name: "ok, as JSON by GET for who would rather have git's", source: live, accept: gitCredential + ", application/json;q=0.5", status: 200, body: ok},
		{name: "ok, for git", source: live, method: "POST", accept: gitCredential, send: gitAsks, status: 200, body: gitOK},
		{name: "ok, for git and then anyone", source: live, method: "POST", accept: gitCredential + ", */*", send: gitAsks, status: 200, body: gitOK},
		{name: "ok, for git with min_ttl", source: live, method: "POST", path: own + "?min_ttl=20m", accept: gitCredential, send: gitAsks, status: 200, body: gitOK},
		{name: "ok, for git as administrator", source: live, method: "POST", bearer: adminSecret, accept: gitCredential, send: gitAsks, status: 200, body: gitOK},
		{
			name: "ok, for git on the other path", source: live, method: "POST", path: "/workspaces/ws-1/github-installation-token",
			accept: gitCredential, send: gitAsks, status: 200, body: gitOK,
		},
		{
			name: "ok, for git that understands authtype", source: live, method: "POST", accept: gitCredential, send: "capability[]=authtype\n" + gitAsks, status: 200,
			body: "capability[]=authtype\nauthtype=Basic\ncredential=" + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+tokenSecret)) +
				"\nephemeral=1\npassword_expiry_utc=4086592215\n",
		},
		{
			name: "ok, for git without known expiry", source: fixed(tokenprovider.Static(tokenSecret)), method: "POST", accept: gitCredential, send: gitAsks, status: 200,
			body: "username=x-access-token\npassword=" + tokenSecret + "\n",
		},
		{
			name: "ok, for git with another username and host", source: fixed(tokenprovider.Static(tokenSecret)), method: "POST", accept: gitCredential,
			opts: &tokenhttp.Options{Username: "oauth2", Hosts: []string{"Git.example:8443", "x.example"}}, send: "protocol=https\nhost=git.EXAMPLE:8443\n", status: 200,
			body: "username=oauth2\npassword=" + tokenSecret + "\n",
		},

		{name: "no registry", source: tokenhttp.FirstProvider(nil), status: 404, body: `{"error":"no GitHub App configured","code":"not_configured"}`},
		{name: "no registry, per workspace", source: tokenhttp.PerWorkspace(nil), status: 404, body: `{"error":"no GitHub App configured","code":"not_configured"}`},
		{name: "no registry, a nil pointer", source: tokenhttp.FirstProvider(noRegistry), status: 404, body: `{"error":"no GitHub App configured","code":"not_configured"}`},
		{name: "no registry, a nil pointer, per workspace", source: tokenhttp.PerWorkspace(noRegistry), status: 404, body: `{"error":"no GitHub App configured","code":"not_configured"}`},
		{name: "one provider, which is nil", source: tokenhttp.One(nil), status: 404, body: `{"error":"no token provider registered","code":"not_configured"}`},
		{name: "no provider", source: tokenhttp.FirstProvider(provisionhook.NewRegistry()), status: 404, body: `{"error":"no token provider registered","code":"not_configured"}`},
		{name: "a typed nil provider", source: fixed((*tokenprovider.Cache)(nil)), status: 404, body: `{"error":"no token provider registered","code":"not_configured"}`},
		{name: "a provider that isn't configured", source: fixed(tokenprovider.Static("")), status: 404, body: `{"error":"no token provider registered","code":"not_configured"}`},
		{
			name: "a source that isn't configured", status: 404, body: `{"error":"no token provider registered","code":"not_configured"}`,
			source: func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
				return nil, tokenprovider.ErrNotConfigured
			},
		},

		{name: "the provider failed", source: fails(errors.New("connection refused")), status: 500, body: fail + `unavailable"}`},
		{
			name: "the provider is rate limited", source: fails(&tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: 61500 * time.Millisecond}),
			status: 500, body: fail + `rate_limited"}`, headers: "Retry-After: 62",
		},
		{name: "the platform's key was refused", source: fails(&tokenprovider.Error{Code: tokenprovider.CodeUnauthenticated}), status: 500, body: fail + `unauthenticated"}`},
		{name: "the installation is suspended", source: fails(&tokenprovider.Error{Code: tokenprovider.CodeForbidden}), status: 500, body: fail + `forbidden"}`},
		{name: "a code of the provider's own", source: fails(&tokenprovider.Error{Code: "on fire"}), status: 500, body: fail + `internal"}`},
		{
			name: "the source failed", status: 500, body: fail + `unavailable"}`,
			source: func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
				return nil, errors.New("database is down")
			},
		},
		{
			name: "the source panics", status: 500, body: fail + `internal"}`,
			source: func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) { panic(tokenSecret) },
		},
		{
			name: "the provider panics", status: 500, body: fail + `internal"}`,
			source: fixed(tokenprovider.Func(func(context.Context) (string, time.Time, error) { panic(errors.New(tokenSecret)) })),
		},
		{name: "an empty token", source: fixed(leased("", expiresAt)), status: 500, body: `{"error":"token refresh failed: empty token","code":"internal"}`},
		{name: "an expired token", source: fixed(leased(tokenSecret, time.Now().Add(-time.Second))), status: 500, body: fail + `internal"}`},
		{name: "a token with a space", source: fixed(leased(tokenSecret+" x", expiresAt)), status: 500, body: fail + `internal"}`},
		{name: "a token with a line break", source: fixed(leased(tokenSecret+"\nhost=evil.example", expiresAt)), status: 500, body: fail + `internal"}`},

		{name: "no credentials", source: live, bearer: "-", status: 401, body: `{"error":"unauthenticated","code":"unauthenticated"}`, headers: "WWW-Authenticate: Bearer"},
		{name: "bad credentials", source: live, bearer: "wrong", status: 401, body: `{"error":"unauthenticated","code":"unauthenticated"}`, headers: "WWW-Authenticate: Bearer"},
		{name: "another workspace's id", source: live, path: "/workspaces/ws-2/token", status: 403, body: `{"error":"forbidden","code":"forbidden"}`},
		{name: "a workspace as administrator", source: live, path: "/admin/github-installation-token", status: 403, body: `{"error":"forbidden","code":"forbidden"}`},
		{name: "forbidden by the authenticator", source: live, auth: auth(tokenhttp.Principal{}, tokenhttp.ErrForbidden), status: 403, body: `{"error":"forbidden","code":"forbidden"}`},
		{name: "nobody, without an error", source: live, auth: auth(tokenhttp.Principal{}, nil), status: 403, body: `{"error":"forbidden","code":"forbidden"}`},
		{
			name: "forbidden by the source", status: 403, body: `{"error":"forbidden","code":"forbidden"}`,
			source: func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
				return nil, tokenhttp.ErrForbidden
			},
		},
		{
			name: "the authenticator could not decide", source: live, auth: auth(tokenhttp.Principal{WorkspaceID: "ws-1"}, errors.New("database is down")),
			status: 503, body: `{"error":"authentication unavailable","code":"unavailable"}`, headers: "Retry-After: 5",
		},
		{
			name: "the authenticator panics", source: live, auth: authFunc(func(*http.Request) (tokenhttp.Principal, error) { panic(adminSecret) }),
			status: 503, body: `{"error":"authentication unavailable","code":"unavailable"}`, headers: "Retry-After: 5",
		},

		{name: "not admitted", source: live, opts: admits(tokenhttp.ErrForbidden), status: 403, body: `{"error":"forbidden","code":"forbidden"}`},
		{
			name: "too many requests", source: live, opts: admits(&tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: 30 * time.Second}),
			status: 429, body: `{"error":"too many requests for tokens; try again later","code":"rate_limited"}`, headers: "Retry-After: 30",
		},
		{
			name: "admission could not decide", source: live, opts: admits(errors.New("database is down")),
			status: 503, body: `{"error":"admission unavailable","code":"unavailable"}`, headers: "Retry-After: 5",
		},
		{
			name: "admission panics", source: live, opts: &tokenhttp.Options{Admit: func(context.Context, tokenhttp.Principal) error { panic("no") }},
			status: 503, body: `{"error":"admission unavailable","code":"unavailable"}`, headers: "Retry-After: 5",
		},
		{
			name: "the audit panics", source: live, opts: &tokenhttp.Options{Audit: func(context.Context, tokenhttp.AuditRecord) { panic("disk full") }},
			status: 500, body: `{"error":"internal error","code":"internal"}`,
		},

		{name: "min_ttl malformed", source: live, path: own + "?min_ttl=soon", status: 400, body: `{"error":"min_ttl: must be one duration of zero or more, such as 10m","code":"invalid_request"}`},
		{name: "min_ttl without unit", source: live, path: own + "?min_ttl=600", status: 400, body: `{"error":"min_ttl: must be one duration of zero or more, such as 10m","code":"invalid_request"}`},
		{name: "min_ttl negative", source: live, path: own + "?min_ttl=-1s", status: 400, body: `{"error":"min_ttl: must be one duration of zero or more, such as 10m","code":"invalid_request"}`},
		{name: "min_ttl empty", source: live, path: own + "?min_ttl=", status: 400, body: `{"error":"min_ttl: must be one duration of zero or more, such as 10m","code":"invalid_request"}`},
		{name: "min_ttl twice", source: live, path: own + "?min_ttl=1m&min_ttl=1m", status: 400, body: `{"error":"min_ttl: must be one duration of zero or more, such as 10m","code":"invalid_request"}`},
		{name: "min_ttl too long for a duration", source: live, path: own + "?min_ttl=9999999999h", status: 400, body: `{"error":"min_ttl: must be one duration of zero or more, such as 10m","code":"invalid_request"}`},
		{name: "a malformed query", source: live, path: own + "?min_ttl=1m;x=1", status: 400, body: `{"error":"min_ttl: the query of the URL is malformed","code":"invalid_request"}`},

		{name: "git's text by GET", source: live, accept: gitCredential, status: 406, body: `{"error":"application/x-git-credential: only by POST of git's attributes","code":"invalid_request"}`},
		{
			name: "git's text by GET, and JSON refused", source: live, accept: gitCredential + ", application/json;q=0, */*", status: 406,
			body: `{"error":"application/x-git-credential: only by POST of git's attributes","code":"invalid_request"}`,
		},
		{
			name: "git's text as administrator about nobody", source: live, path: "/admin/github-installation-token", bearer: adminSecret, accept: gitCredential,
			status: 406, body: `{"error":"application/x-git-credential: only by POST of git's attributes","code":"invalid_request"}`,
		},
		{
			name: "attributes malformed", source: live, method: "POST", accept: gitCredential, send: "protocol=https\nhost\n", status: 400,
			body: `{"error":"body: line 2 of the request isn't key=value","code":"invalid_request"}`,
		},
		{
			name: "no attributes", source: live, method: "POST", accept: gitCredential, status: 400,
			body: `{"error":"body: the request names no protocol or no host","code":"invalid_request"}`,
		},
		{name: "another host", source: live, method: "POST", accept: gitCredential, send: "protocol=https\nhost=gitlab.com\n", status: 403, body: `{"error":"forbidden","code":"forbidden"}`},
		{name: "the host without TLS", source: live, method: "POST", accept: gitCredential, send: "protocol=http\nhost=github.com\n", status: 403, body: `{"error":"forbidden","code":"forbidden"}`},
		{
			name: "no host at all", source: live, method: "POST", accept: gitCredential, send: gitAsks, opts: &tokenhttp.Options{Hosts: []string{}},
			status: 403, body: `{"error":"forbidden","code":"forbidden"}`,
		},
		{
			name: "a token that git's lines can't carry", source: fixed(leased(strings.Repeat("x", 33<<10), expiresAt)), method: "POST", accept: gitCredential, send: gitAsks,
			status: 500, body: fail + `internal"}`,
		},
		{name: "a token with a line break, for git", source: fixed(leased(tokenSecret+"\nhost=evil.example", expiresAt)), method: "POST", accept: gitCredential, send: gitAsks, status: 500, body: fail + `internal"}`},
		{name: "a token with a space, for git", source: fixed(leased(tokenSecret+" x", expiresAt)), method: "POST", accept: gitCredential, send: gitAsks, status: 500, body: fail + `internal"}`},

		{name: "HEAD", source: live, method: "HEAD", status: 405, headers: "Allow: GET, POST"},
		{name: "PUT", source: live, method: "PUT", status: 405, body: `{"error":"method not allowed","code":"invalid_request"}`, headers: "Allow: GET, POST"},
		{name: "OPTIONS, without credentials", source: live, method: "OPTIONS", bearer: "-", status: 405, body: `{"error":"method not allowed","code":"invalid_request"}`, headers: "Allow: GET, POST"},
		{name: "POST as administrator", source: live, method: "POST", path: "/admin/github-installation-token", bearer: adminSecret, status: 405, body: `{"error":"method not allowed","code":"invalid_request"}`, headers: "Allow: GET"},
		{name: "HEAD as administrator", source: live, method: "HEAD", path: "/admin/github-installation-token", bearer: adminSecret, status: 405, headers: "Allow: GET"},
		{name: "GET of a bearer", source: live, path: "/workspaces/ws-1/bearer", status: 405, body: `{"error":"method not allowed","code":"invalid_request"}`, headers: "Allow: POST"},

		{name: "a bearer for an administrator", source: live, method: "POST", path: "/workspaces/ws-1/bearer", bearer: adminSecret, status: 403, body: `{"error":"forbidden","code":"forbidden"}`},
		{name: "a bearer for another workspace", source: live, method: "POST", path: "/workspaces/ws-2/bearer", status: 403, body: `{"error":"forbidden","code":"forbidden"}`},
		{name: "a bearer without credentials", source: live, method: "POST", path: "/workspaces/ws-1/bearer", bearer: "-", status: 401, body: `{"error":"unauthenticated","code":"unauthenticated"}`, headers: "WWW-Authenticate: Bearer"},
		{name: "a bearer for a released workspace", source: live, opts: admits(tokenhttp.ErrForbidden), method: "POST", path: "/workspaces/ws-1/bearer", status: 403, body: `{"error":"forbidden","code":"forbidden"}`},
		{
			name: "a bearer where none is issued", source: live, auth: auth(tokenhttp.Principal{WorkspaceID: "ws-1"}, nil), method: "POST", path: "/workspaces/ws-1/bearer",
			status: 404, body: `{"error":"no bearer can be renewed here","code":"not_configured"}`,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			bearer := issue(t, key, "ws-1")
			capture := testutil.NewCapture(t, tokenSecret, adminSecret, bearer, string(firstKey))
			opts := tokenhttp.Options{}
			if row.opts != nil {
				opts = *row.opts
			}
			var records []tokenhttp.AuditRecord
			if opts.Audit == nil {
				opts.Audit = func(_ context.Context, r tokenhttp.AuditRecord) { records = append(records, r) }
			}
			opts.Logger = capture.Logger()
			if row.auth == nil {
				row.auth = anyOf(t, adminToken(t, adminSecret), key)
			}
			h, err := tokenhttp.NewHandler(row.source, row.auth, &opts)
			require.NoError(t, err)

			switch row.bearer {
			case "":
			case "-":
				bearer = ""
			default:
				bearer = row.bearer
			}
			if row.method == "" {
				row.method = "GET"
			}
			if row.path == "" {
				row.path = own
			}
			got := ask(t, serve(t, h), row.method, row.path, bearer, func(r *http.Request) {
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(row.send)), int64(len(row.send))
				if row.accept != "" {
					r.Header.Set("Accept", row.accept)
				}
			})
			require.Equal(t, row.status, got.status, "body: %s", got.body)
			require.Equal(t, row.body, got.body)

			want := http.Header{
				"Cache-Control": {"no-store"}, "Content-Type": {"application/json"}, "Pragma": {"no-cache"}, "X-Content-Type-Options": {"nosniff"},
				"Vary": {"Accept"},
			}
			if row.status == 200 && strings.HasPrefix(row.accept, gitCredential) && row.method == "POST" {
				want.Set("Content-Type", gitCredential)
			}
			if name, value, ok := strings.Cut(row.headers, ": "); ok {
				want.Set(name, value)
			}
			got.header.Del("Date")
			got.header.Del("Content-Length")
			require.Equal(t, want, got.header)

			if row.opts == nil || row.opts.Audit == nil {
				require.Len(t, records, 1, "every issue and refusal is one record")
				require.Equal(t, row.status != 200, records[0].Code != "", "the record has code %q", records[0].Code)
				if row.body != "" && row.status != 200 {
					require.Contains(t, row.body, `"code":"`+string(records[0].Code)+`"`)
				}
			}
		})
	}
}

func TestAPathThatIsNoEndpointIsNotFoundWithACodeAndNoMore(t *testing.T) {
	key := newKey(t)
	h := newHandler(t, key, fixed(tokenprovider.Static(tokenSecret)), nil)
	server := serveDirectly(t, h)
	for _, path := range []string{
		"/", "/workspaces", "/workspaces/ws-1", "/workspaces/ws-1/", "/workspaces/ws-1/token/", "/workspaces//token", "//workspaces/ws-1/token",
		"/workspaces/ws-1/x/../token", "/workspaces/./ws-1/token", "/workspaces/ws-1/token/extra", "/Workspaces/ws-1/token", "/workspaces/ws-1/Token",
		"/admin/token", "/admin/bearer", "/admin/github-installation-token/", "/workspaces/{id}/secrets", "/workspaces/ws-1%2Ftoken", "/workspaces%2Fws-1%2Ftoken",
	} {
		got := ask(t, server, "GET", path, issue(t, key, "ws-1"))
		require.Equal(t, 404, got.status, path)
		require.Equal(t, `{"error":"not found","code":"not_found"}`, got.body, path)
		require.Equal(t, "no-store", got.header.Get("Cache-Control"), path)
	}
}

func TestNewHandlerRefusesToServeWithoutASourceOrAnAuthenticator(t *testing.T) {
	source := fixed(tokenprovider.Static(tokenSecret))
	for name, refused := range map[string]struct {
		source tokenhttp.Source
		auth   tokenhttp.Authenticator
		opts   *tokenhttp.Options
		names  string
	}{
		"no source":                 {nil, newKey(t), nil, "Source"},
		"no authenticator":          {source, nil, nil, "Authenticator"},
		"a typed nil authenticator": {source, (*tokenhttp.WorkspaceKey)(nil), nil, "Authenticator"},
		"a nil function":            {source, authFunc(nil), nil, "Authenticator"},
		"a username with a newline": {source, newKey(t), &tokenhttp.Options{Username: "x\nhost=evil.example"}, "Username"},
		"a username with a colon":   {source, newKey(t), &tokenhttp.Options{Username: "x:y"}, "Username"},
		"a host that is a URL":      {source, newKey(t), &tokenhttp.Options{Hosts: []string{"github.com", "https://github.com"}}, "Hosts"},
		"an empty host":             {source, newKey(t), &tokenhttp.Options{Hosts: []string{""}}, "Hosts"},
		"a pattern for a host":      {source, newKey(t), &tokenhttp.Options{Hosts: []string{"*.github.com"}}, "Hosts"},
	} {
		h, err := tokenhttp.NewHandler(refused.source, refused.auth, refused.opts)
		require.Nil(t, h, name)
		require.ErrorContains(t, err, refused.names, name)
	}
}
