package tokenhttp_test

import (
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// malformed returns the rows of requests that are not as they have to be.
func malformed() []statusRow {
	return []statusRow{
		{name: "min_ttl malformed", source: live, path: own + "?min_ttl=soon", status: 400, body: bodyMinTTL},
		{name: "min_ttl without unit", source: live, path: own + "?min_ttl=600", status: 400, body: bodyMinTTL},
		{name: "min_ttl negative", source: live, path: own + "?min_ttl=-1s", status: 400, body: bodyMinTTL},
		{name: "min_ttl empty", source: live, path: own + "?min_ttl=", status: 400, body: bodyMinTTL},
		{name: "min_ttl twice", source: live, path: own + "?min_ttl=1m&min_ttl=1m", status: 400, body: bodyMinTTL},
		{
			name: "min_ttl too long for a duration", source: live,
			path: own + "?min_ttl=9999999999h", status: 400, body: bodyMinTTL,
		},
		{
			name: "a malformed query", source: live, path: own + "?min_ttl=1m;x=1", status: 400,
			body: `{"error":"min_ttl: the query of the URL is malformed","code":"invalid_request"}`,
		},

		{name: "repository malformed", source: live, path: own + "?repository=acme/../evil", status: 400, body: bodyRepository},
		{name: "repository empty", source: live, path: own + "?repository=", status: 400, body: bodyRepository},
		{name: "repository twice", source: live, path: own + "?repository=a/b&repository=a/b", status: 400, body: bodyRepository},
		{
			name: "a path and another repository", source: live, method: "POST", accept: gitCredential,
			path: own + "?repository=acme/y", send: "protocol=https\nhost=github.com\npath=acme/x.git\n\n", status: 400,
			body: `{"error":"body: its path is another repository than the URL asks for","code":"invalid_request"}`,
		},

		{name: "git's text by GET", source: live, accept: gitCredential, status: 406, body: bodyNotAcceptable},
		{
			name: "git's text by GET, and JSON refused", source: live,
			accept: gitCredential + ", application/json;q=0, */*", status: 406,
			body: bodyNotAcceptable,
		},
		{
			name: "git's text as administrator about nobody", source: live,
			path: "/admin/github-installation-token", bearer: adminSecret, accept: gitCredential,
			status: 406, body: bodyNotAcceptable,
		},
		{
			name: "attributes malformed", source: live, method: "POST", accept: gitCredential,
			send: "protocol=https\nhost\n", status: 400,
			body: `{"error":"body: line 2 of the request isn't key=value","code":"invalid_request"}`,
		},
		{
			name: "no attributes", source: live, method: "POST", accept: gitCredential, status: 400,
			body: `{"error":"body: the request names no protocol or no host","code":"invalid_request"}`,
		},
		{
			name: "another host", source: live, method: "POST", accept: gitCredential,
			send: "protocol=https\nhost=gitlab.com\n", status: 403, body: bodyForbidden,
		},
		{
			name: "the host without TLS", source: live, method: "POST", accept: gitCredential,
			send: "protocol=http\nhost=github.com\n", status: 403, body: bodyForbidden,
		},
		{
			name: "no host at all", source: live, method: "POST", accept: gitCredential,
			send: gitAsks, opts: &tokenhttp.Options{Hosts: []string{}},
			status: 403, body: bodyForbidden,
		},
		{
			name:   "a token that git's lines can't carry",
			source: fixed(leased(strings.Repeat("x", 33<<10), in2099)), method: "POST",
			accept: gitCredential, send: gitAsks,
			status: 500, body: bodyFailed + `internal"}`,
		},
		{
			name:   "a token with a line break, for git",
			source: fixed(leased(tokenSecret+"\nhost=evil.example", in2099)), method: "POST",
			accept: gitCredential, send: gitAsks, status: 500, body: bodyFailed + `internal"}`,
		},
		{
			name: "a token with a space, for git", source: fixed(leased(tokenSecret+" x", in2099)),
			method: "POST", accept: gitCredential, send: gitAsks, status: 500,
			body: bodyFailed + `internal"}`,
		},

		{name: "HEAD", source: live, method: "HEAD", status: 405, headers: "Allow: GET, POST"},
		{name: "PUT", source: live, method: "PUT", status: 405, body: bodyMethod, headers: "Allow: GET, POST"},
		{
			name: "OPTIONS, without credentials", source: live, method: "OPTIONS", bearer: "-",
			status: 405, body: bodyMethod, headers: "Allow: GET, POST",
		},
		{
			name: "POST as administrator", source: live, method: "POST",
			path: "/admin/github-installation-token", bearer: adminSecret, status: 405,
			body: bodyMethod, headers: "Allow: GET",
		},
		{
			name: "HEAD as administrator", source: live, method: "HEAD",
			path: "/admin/github-installation-token", bearer: adminSecret, status: 405,
			headers: "Allow: GET",
		},
	}
}
