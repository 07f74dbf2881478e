package tokenhttp_test

import (
	"encoding/base64"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// answered returns the rows with a token.
func answered() []statusRow {
	return []statusRow{
		{name: "ok", source: live, status: 200, body: bodyOK},
		{name: "ok from the one provider", source: tokenhttp.One(leased(tokenSecret, in2099)), status: 200, body: bodyOK},
		{name: "ok by POST", source: live, method: "POST", status: 200, body: bodyOK},
		{
			name: "ok on the other path", source: live,
			path: "/workspaces/ws-1/github-installation-token", status: 200, body: bodyOK,
		},
		{
			name: "ok on the other path by POST", source: live, method: "POST",
			path: "/workspaces/ws-1/github-installation-token", status: 200, body: bodyOK,
		},
		{
			name: "ok for an administrator", source: live, bearer: adminSecret,
			path: "/admin/github-installation-token", status: 200, body: bodyOK,
		},
		{name: "ok for an administrator about a workspace", source: live, bearer: adminSecret, status: 200, body: bodyOK},
		{
			name: "ok without known expiry", source: fixed(tokenprovider.Static(tokenSecret)), status: 200,
			body: `{"token":"` + tokenSecret + `","username":"x-access-token"}`,
		},
		{
			name: "ok with another username", source: fixed(tokenprovider.Static(tokenSecret)),
			opts: &tokenhttp.Options{Username: "oauth2"}, status: 200,
			body: `{"token":"` + tokenSecret + `","username":"oauth2"}`,
		},
		{name: "min_ttl", source: live, path: own + "?min_ttl=10m", status: 200, body: bodyOK},

		{
			name: "ok, as JSON before anything else", source: live, method: "POST",
			accept: "application/json, */*;q=0.1", status: 200, body: bodyOK,
		},
		{
			name: "ok, as JSON for a browser", source: live,
			accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", status: 200,
			body: bodyOK,
		},
		{
			name: "ok, as JSON for who accepts nothing of ours", source: live, method: "POST",
			accept: "image/png", status: 200, body: bodyOK,
		},
		{
			name: "ok, as JSON by GET for who would rather have git's", source: live,
			accept: gitCredential + ", application/json;q=0.5", status: 200, body: bodyOK,
		},
		{
			name: "ok, for git", source: live, method: "POST", accept: gitCredential, send: gitAsks,
			status: 200, body: bodyGitOK,
		},
		{
			name: "ok, for git and then anyone", source: live, method: "POST",
			accept: gitCredential + ", */*", send: gitAsks, status: 200, body: bodyGitOK,
		},
		{
			name: "ok, for git with min_ttl", source: live, method: "POST",
			path: own + "?min_ttl=20m", accept: gitCredential, send: gitAsks, status: 200,
			body: bodyGitOK,
		},
		{
			name: "ok, for git as administrator", source: live, method: "POST", bearer: adminSecret,
			accept: gitCredential, send: gitAsks, status: 200, body: bodyGitOK,
		},
		{
			name: "ok, for git on the other path", source: live, method: "POST",
			path:   "/workspaces/ws-1/github-installation-token",
			accept: gitCredential, send: gitAsks, status: 200, body: bodyGitOK,
		},
		{
			name: "ok, for git that understands authtype", source: live, method: "POST",
			accept: gitCredential, send: "capability[]=authtype\n" + gitAsks, status: 200,
			body: "capability[]=authtype\nauthtype=Basic\ncredential=" + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+tokenSecret)) +
				"\nephemeral=1\npassword_expiry_utc=4086592215\n",
		},
		{
			name:   "ok, for git without known expiry",
			source: fixed(tokenprovider.Static(tokenSecret)), method: "POST", accept: gitCredential,
			send: gitAsks, status: 200,
			body: "username=x-access-token\npassword=" + tokenSecret + "\n",
		},
		{
			name:   "ok, for git with another username and host",
			source: fixed(tokenprovider.Static(tokenSecret)), method: "POST", accept: gitCredential,
			opts: &tokenhttp.Options{Username: "oauth2", Hosts: []string{"Git.example:8443", "x.example"}},
			send: "protocol=https\nhost=git.EXAMPLE:8443\n", status: 200,
			body: "username=oauth2\npassword=" + tokenSecret + "\n",
		},
	}
}
