package forge

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
)

// github is a GitHub and where its services are.
type github struct {
	git     *url.URL
	api     *url.URL
	graphQL *url.URL
	uploads *url.URL
}

var _ gateway.Forge = (*github)(nil)

// GitHub returns a [gateway.Forge] for the GitHub whose API is at baseURL: ""
// or https://api.github.com for github.com, https://api.NAME.ghe.com for an
// enterprise with data residency, and https://HOST/api/v3 for an Enterprise
// Server, which may be http on loopback. The error says what is wrong with any
// other baseURL. The Forge is also a [gateway.FileForge], and safe for
// concurrent use.
func GitHub(baseURL string) (gateway.Forge, error) {
	if baseURL == "" {
		baseURL = "https://api.github.com"
	}
	u, err := wire.ParseURL(strings.TrimSuffix(baseURL, "/"), false)
	if err != nil {
		return nil, fmt.Errorf("forge: the base URL %w", err)
	}
	host := strings.ToLower(withoutDefaultPort(u.Scheme, u.Host))
	website, ofGitHub := strings.CutPrefix(host, "api.")
	ofGitHub = ofGitHub && (website == "github.com" || strings.HasSuffix(website, ".ghe.com"))
	at := func(host, path string) *url.URL { return &url.URL{Scheme: u.Scheme, Host: host, Path: path} }
	switch {
	case u.RawQuery != "" || u.ForceQuery:
		return nil, errors.New("forge: the base URL has a query, and must not")
	case ofGitHub && u.Path == "" && u.Scheme == "https":
		return &github{
			git: at(website, ""), api: at(host, ""), graphQL: at(host, "/graphql"), uploads: at("uploads."+website, ""),
		}, nil
	case !ofGitHub && u.Path == "/api/v3":
		return &github{
			git: at(host, ""), api: at(host, "/api/v3"), graphQL: at(host, "/api/graphql"), uploads: at(host, "/api/uploads"),
		}, nil
	}
	return nil, errors.New("forge: the base URL isn't that of GitHub's API: it is https://api.github.com, " +
		"https://api.NAME.ghe.com, or https://HOST/api/v3 for an Enterprise Server")
}

// The request headers that go on: those that say what is asked for, in which
// form, and by which client.
var (
	passed   = set("Accept", "Git-Protocol", "Range", "User-Agent", "Graphql-Features", "Expect")
	prefixes = []string{"Accept-", "Content-", "If-", "X-Github-"}
)

// Header implements [gateway.Forge].
func (g *github) Header(name string) bool {
	name = textproto.CanonicalMIMEHeaderKey(name)
	return passed[name] || slices.ContainsFunc(prefixes, func(prefix string) bool {
		rest, ok := strings.CutPrefix(name, prefix)
		return ok && rest != ""
	})
}

// Authorize implements [gateway.Forge]: GitHub's git takes a token as the
// password of x-access-token, its API as a bearer.
func (g *github) Authorize(r *http.Request, op gateway.Operation, token string) {
	if needsRewriting(op) { // which takes the whole answer, as it is
		r.Header.Del("Accept-Encoding")
		r.Header.Del("Range")
	}
	switch {
	case token == "":
	case op.Kind == gateway.KindAPI:
		r.Header.Set("Authorization", "Bearer "+token)
	default:
		r.SetBasicAuth("x-access-token", token)
	}
}

// Target implements [gateway.Forge].
func (g *github) Target(op gateway.Operation, r *http.Request) *url.URL {
	service, rest := g.split(r.URL.EscapedPath())
	target, err := gateway.Join(service, rest)
	if err != nil { // Operation took the same path apart
		return service
	}
	switch {
	case op.Kind == gateway.KindAPI, op.Kind == gateway.KindLFS:
		target.RawQuery = r.URL.RawQuery
	case strings.HasSuffix(op.Path, "/info/refs"):
		service := "git-upload-pack"
		if op.Kind == gateway.KindPush {
			service = "git-receive-pack"
		}
		target.RawQuery = "service=" + service
	}
	return target
}

// The API's parts under the gateway's host.
const (
	apiPath     = "/api/v3"
	graphQLPath = "/api/graphql"
	uploadsPath = "/api/uploads"
)

// split returns which of GitHub's services an escaped path is for, and the path
// there.
func (g *github) split(escaped string) (service *url.URL, rest string) {
	switch {
	case escaped == graphQLPath:
		return g.graphQL, ""
	case strings.HasPrefix(escaped, uploadsPath+"/"):
		return g.uploads, strings.TrimPrefix(escaped, uploadsPath)
	case escaped == apiPath || strings.HasPrefix(escaped, apiPath+"/"):
		return g.api, strings.TrimPrefix(escaped, apiPath)
	}
	return g.git, escaped
}
