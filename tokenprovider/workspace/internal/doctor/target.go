package doctor

import "strings"

// target is where a URL, or git's short form for ssh, leads to.
type target struct {
	scheme, host string // in lower case; host without https's own port; "" and "" for a path
	secret       bool   // it holds a password or token
}

// parseTarget returns where raw leads to.
func parseTarget(raw string) target {
	scheme, rest, isURL := strings.Cut(raw, "://")
	if !isURL {
		authority, _, isShort := strings.Cut(raw, ":")
		if !isShort || strings.Contains(authority, "/") {
			return target{}
		}
		host := authority[strings.LastIndexByte(authority, '@')+1:]
		return target{scheme: "ssh", host: strings.ToLower(host)}
	}
	authority, _, _ := strings.Cut(rest, "/")
	t := target{scheme: strings.ToLower(scheme)}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, password, _ := strings.Cut(authority[:at], ":")
		isToken := password != "" || len(user) >= 30 // forges take tokens for user names
		t.secret = strings.HasPrefix(t.scheme, "http") && isToken
		authority = authority[at+1:]
	}
	t.host = strings.TrimSuffix(strings.ToLower(authority), ":443")
	return t
}

// redactURL returns raw without what stands before its host, which may be a
// secret, and without a query.
func redactURL(raw string) string {
	scheme, rest, isURL := strings.Cut(raw, "://")
	if !isURL {
		return raw
	}
	rest, _, _ = strings.Cut(rest, "?")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = "[redacted]" + rest[at:]
	}
	return scheme + "://" + rest
}
