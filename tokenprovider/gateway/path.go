package gateway

import (
	"net/http"
	"net/url"
	"strings"
)

// canonical refuses what has more than one reading: a path that the forge, or
// anything on the way, could take for another one than the policy was asked
// about. What is left means the same in r.URL.Path, which is unescaped, and in
// the form in which it goes on.
//
// An escaped slash is let through, since the names of branches and labels are
// sent like that, and then counts as a slash.
func canonical(r *http.Request) error {
	switch u := r.URL; {
	case u.Host != "" || u.User != nil || u.Opaque != "" || u.Fragment != "":
		return &Refusal{"the request's target has to be a path"}
	case !strings.HasPrefix(u.Path, "/"):
		return &Refusal{"the path doesn't begin with a slash"}
	case strings.Contains(u.RawQuery, "#"), hasControl(u.RawQuery):
		return &Refusal{"the query is malformed"}
	}
	path := r.URL.Path
	switch {
	case hasControl(path) || strings.Contains(path, `\`):
		return &Refusal{"the path has a control character or a backslash in it"}
	case strings.Contains(path, "//"):
		return &Refusal{"the path has an empty segment in it"}
	case hasEscape(path):
		return &Refusal{"the path is escaped twice"}
	}
	for segment := range strings.SplitSeq(path, "/") {
		name, _, _ := strings.Cut(segment, ";") // some servers drop what is behind it
		if name == "." || name == ".." {
			return &Refusal{"the path has a segment . or .. in it"}
		}
	}
	return nil
}

// hasControl reports whether s has a control character in it or isn't UTF-8.
func hasControl(s string) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return true
		}
	}
	return false
}

// hasEscape reports whether s, which is unescaped, still has an escape in it
// that would make another path of it.
func hasEscape(s string) bool {
	s = strings.ToLower(s)
	for _, escape := range []string{"%2f", "%2e", "%5c", "%25"} {
		if strings.Contains(s, escape) {
			return true
		}
	}
	return false
}

// Join returns base with the escaped path appended, for use in [Forge.Target].
// The path goes on with the escapes that it came with. An error means that it
// isn't a valid escaped path.
func Join(base *url.URL, escaped string) (*url.URL, error) {
	u := &url.URL{Scheme: base.Scheme, Host: base.Host}
	u.RawPath = strings.TrimSuffix(base.EscapedPath(), "/") + escaped
	path, err := url.PathUnescape(u.RawPath)
	u.Path = path
	return u, err
}
