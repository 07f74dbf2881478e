package tokenhttp_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// authFunc is an Authenticator of a test's own.
type authFunc func(*http.Request) (tokenhttp.Principal, error)

func (f authFunc) Authenticate(r *http.Request) (tokenhttp.Principal, error) { return f(r) }

const gitCredential = "application/x-git-credential"

// statusRow is a request, and the answer to it.
type statusRow struct {
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
}

// The bodies of answers, byte for byte.
const (
	bodyForbidden        = `{"error":"forbidden","code":"forbidden"}`
	bodyUnauthenticated  = `{"error":"unauthenticated","code":"unauthenticated"}`
	bodyMinTTL           = `{"error":"min_ttl: must be one duration of zero or more, such as 10m","code":"invalid_request"}`
	bodyRepository       = `{"error":"repository: must be one owner or owner/name","code":"invalid_request"}`
	bodyNoRegistry       = `{"error":"no GitHub App configured","code":"not_configured"}`
	bodyNoProvider       = `{"error":"no token provider registered","code":"not_configured"}`
	bodyMethod           = `{"error":"method not allowed","code":"invalid_request"}`
	bodyNotAcceptable    = `{"error":"application/x-git-credential: only by POST of git's attributes","code":"invalid_request"}`
	bodyNoAuthentication = `{"error":"authentication unavailable","code":"unavailable"}`
	bodyNoAdmission      = `{"error":"admission unavailable","code":"unavailable"}`
	bodyOK               = `{"token":"` + tokenSecret + `","expires_at":"2099-07-01T12:30:15Z","username":"x-access-token"}`
	bodyGitOK            = "username=x-access-token\npassword=" + tokenSecret + "\npassword_expiry_utc=4086592215\n"
	bodyFailed           = `{"error":"token refresh failed","code":"` // and the code
)

// What the rows have in common.
const (
	own     = "/workspaces/ws-1/token"
	gitAsks = "protocol=https\nhost=github.com\n\n"
)

var (
	in2099 = time.Date(2099, 7, 1, 14, 30, 15, 999, time.FixedZone("", 2*60*60))
	live   = fixed(leased(tokenSecret, in2099))
)

func fails(err error) tokenhttp.Source { return fixed(failing(err)) }

func admits(err error) *tokenhttp.Options {
	return &tokenhttp.Options{Admit: func(context.Context, tokenhttp.Principal) error { return err }}
}

func authenticates(p tokenhttp.Principal, err error) tokenhttp.Authenticator {
	return authFunc(func(*http.Request) (tokenhttp.Principal, error) { return p, err })
}

// TestTheStatusTable holds the contract with every client: status, body and
// headers, byte for byte. A change of a row breaks workspaces that are running.
func TestTheStatusTable(t *testing.T) {
	key := newKey(t)
	for _, row := range slices.Concat(answered(), unprovided(), refused(), malformed()) {
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
				"Cache-Control": {"no-store"}, "Content-Type": {"application/json"},
				"Pragma": {"no-cache"}, "X-Content-Type-Options": {"nosniff"},
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
				require.Equal(t, row.status != 200, records[0].Code != "", "the record has code %q",
					records[0].Code)
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
		"/", "/workspaces", "/workspaces/ws-1", "/workspaces/ws-1/", "/workspaces/ws-1/token/",
		"/workspaces//token", "//workspaces/ws-1/token",
		"/workspaces/ws-1/x/../token", "/workspaces/./ws-1/token", "/workspaces/ws-1/token/extra",
		"/Workspaces/ws-1/token", "/workspaces/ws-1/Token",
		"/admin/token", "/workspaces/ws-1/bearer", "/admin/github-installation-token/",
		"/workspaces/{id}/secrets", "/workspaces/ws-1%2Ftoken", "/workspaces%2Fws-1%2Ftoken",
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
		"a host that is a URL": {
			source, newKey(t),
			&tokenhttp.Options{Hosts: []string{"github.com", "https://github.com"}}, "Hosts",
		},
		"an empty host":        {source, newKey(t), &tokenhttp.Options{Hosts: []string{""}}, "Hosts"},
		"a pattern for a host": {source, newKey(t), &tokenhttp.Options{Hosts: []string{"*.github.com"}}, "Hosts"},
	} {
		h, err := tokenhttp.NewHandler(refused.source, refused.auth, refused.opts)
		require.Nil(t, h, name)
		require.ErrorContains(t, err, refused.names, name)
	}
}
