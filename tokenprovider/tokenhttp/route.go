package tokenhttp

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is one of the endpoints. The zero pattern belongs to no route.
type route struct {
	pattern string   // for an http.ServeMux; without a method, so that the Handler itself answers 405
	methods []string // HEAD is never one: it would mint a token that nobody gets
	admin   bool     // for administrators only, and about no workspace
}

// getOrPost are the methods of a workspace's token.
var getOrPost = []string{http.MethodGet, http.MethodPost}

// routes are all the endpoints.
var routes = []route{
	{pattern: "/admin/github-installation-token", methods: []string{http.MethodGet}, admin: true},
	{pattern: "/workspaces/{id}/github-installation-token", methods: getOrPost},
	{pattern: "/workspaces/{id}/token", methods: getOrPost},
}

// match finds the route for u and the workspace id in its path. It reads the
// escaped path by itself rather than what a router made of it: then an id with
// a slash, a dot or a percent sign is the same id behind every router.
func match(u *url.URL) (found route, id string, ok bool) {
	path, absolute := strings.CutPrefix(u.EscapedPath(), "/")
	if !absolute {
		return route{}, "", false
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		unescaped, err := url.PathUnescape(segment)
		if err != nil {
			return route{}, "", false
		}
		segments[i] = unescaped
	}
	for _, candidate := range routes {
		if id, ok := candidate.match(segments); ok {
			return candidate, id, true
		}
	}
	return route{}, "", false
}

// match reports whether the path of segments is the route's, and returns the
// workspace id in it.
func (rt route) match(segments []string) (id string, ok bool) {
	n := 0
	for want := range strings.SplitSeq(rt.pattern[1:], "/") {
		switch {
		case n == len(segments):
			return "", false
		case want == "{id}" && segments[n] != "":
			id = segments[n]
		case want != segments[n] || want == "{id}":
			return "", false
		}
		n++
	}
	return id, n == len(segments)
}

func (rt route) allows(method string) bool { return slices.Contains(rt.methods, method) }

// authorize returns the principal on whose behalf the route acts when p asks
// for the workspace id: p itself for its own workspace, an administrator acting
// for that workspace, or nobody.
func (rt route) authorize(p Principal, id string) (Principal, bool) {
	switch {
	case rt.admin:
		return Principal{Admin: true}, p.Admin
	case p.Admin:
		return Principal{WorkspaceID: id, Admin: true}, true
	default:
		return p, p.WorkspaceID == id
	}
}
