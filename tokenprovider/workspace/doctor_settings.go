package workspace

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// setting is one line of git's configuration.
type setting struct {
	scope  string // system, global, local, worktree, or command for the environment and git -c
	origin string // as git names it: file:PATH or command line:
	key    string // section and name in lower case, the subsection as it was written; it may hold a secret
	value  string // it may hold a secret
}

type settings []setting

// readSettings is what git config prints of settings.
func (d *diagnosis) readSettings(ctx context.Context, args ...string) (settings, error) {
	args = append([]string{"config", "--null", "--show-origin"}, args...)
	text, err := d.output(ctx, nil, "", d.gitPath, args...)
	if exit, isExit := errors.AsType[*exec.ExitError](err); err != nil && !(isExit && exit.ExitCode() == 1 && text == "") {
		return nil, err
	}
	return parseSettings(text, slices.Contains(args, "--show-scope")), nil
}

// parseSettings reads what git config --null --show-origin prints, with or without --show-scope.
func parseSettings(text string, scoped bool) settings {
	fields := strings.Split(text, "\x00")
	width := 2
	if scoped {
		width = 3
	}
	var all settings
	for record := range slices.Chunk(fields, width) {
		if len(record) < width {
			break // what is behind the last NUL
		}
		s := setting{origin: record[width-2]}
		if scoped {
			s.scope = record[0]
		}
		s.key, s.value, _ = strings.Cut(record[width-1], "\n")
		all = append(all, s)
	}
	return all
}

// of are the settings of that section and name, whatever their subsection.
func (all settings) of(section, name string) settings {
	var found settings
	for _, s := range all {
		if strings.HasPrefix(s.key, section+".") && strings.HasSuffix(s.key, "."+name) {
			found = append(found, s)
		}
	}
	return found
}

// subsection is what stands between section and name; "" if nothing does.
func (s setting) subsection() string {
	first, last := strings.IndexByte(s.key, '.'), strings.LastIndexByte(s.key, '.')
	if first == last {
		return ""
	}
	return s.key[first+1 : last]
}

// shownKey is the key as it may be shown.
func (s setting) shownKey() string {
	return strings.Replace(s.key, s.subsection(), redactURL(s.subsection()), 1)
}

// appliesTo reports whether a setting whose subsection is a URL, or nothing, is for URLs at host over https: for all of
// them or, if the URL has a path, for some.
func (s setting) appliesTo(host string) bool {
	matched, _ := s.matches(host)
	return matched
}

// matches is [setting.appliesTo], with the path in the subsection. Git takes a host without a scheme too, and a star in
// place of a part between dots.
func (s setting) matches(host string) (matched bool, path string) {
	pattern := s.subsection()
	if pattern == "" {
		return true, ""
	}
	if scheme, rest, hasScheme := strings.Cut(pattern, "://"); hasScheme {
		if !strings.EqualFold(scheme, "https") {
			return false, ""
		}
		pattern = rest
	}
	authority, path, _ := strings.Cut(pattern, "/")
	authority = strings.TrimSuffix(strings.ToLower(authority[strings.LastIndexByte(authority, '@')+1:]), ":443")
	parts, wanted := strings.Split(authority, "."), strings.Split(host, ".")
	return slices.EqualFunc(parts, wanted, func(part, want string) bool { return part == "*" || part == want }), path
}

// where is where the setting was made, for somebody who wants to undo it.
func (d *diagnosis) where(s setting) string {
	switch s.scope {
	case "local", "worktree":
		return "this repository's configuration"
	case "command":
		for n := 0; d.Env("GIT_CONFIG_KEY_"+strconv.Itoa(n)) != ""; n++ {
			name := "GIT_CONFIG_KEY_" + strconv.Itoa(n)
			if strings.EqualFold(d.Env(name), s.key) && d.Env("GIT_CONFIG_VALUE_"+strconv.Itoa(n)) == s.value {
				return "the environment (" + name + ")"
			}
		}
		return "git -c (GIT_CONFIG_PARAMETERS)"
	}
	return strings.TrimPrefix(s.origin, "file:")
}

// redactURL is raw without what stands before its host, which may be a secret, and without a query.
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

// target is where a URL, or git's short form for ssh, leads to.
type target struct {
	scheme, host string // in lower case; host without https's own port; "" and "" for a path
	secret       bool   // it holds a password or token
}

func parseTarget(raw string) target {
	scheme, rest, isURL := strings.Cut(raw, "://")
	if !isURL {
		authority, _, isShort := strings.Cut(raw, ":")
		if !isShort || strings.Contains(authority, "/") {
			return target{}
		}
		return target{scheme: "ssh", host: strings.ToLower(authority[strings.LastIndexByte(authority, '@')+1:])}
	}
	authority, _, _ := strings.Cut(rest, "/")
	t := target{scheme: strings.ToLower(scheme)}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, password, _ := strings.Cut(authority[:at], ":")
		t.secret = strings.HasPrefix(t.scheme, "http") && (password != "" || len(user) >= 30) // forges take tokens for user names
		authority = authority[at+1:]
	}
	t.host = strings.TrimSuffix(strings.ToLower(authority), ":443")
	return t
}
