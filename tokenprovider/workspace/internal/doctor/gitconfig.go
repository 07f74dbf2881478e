package doctor

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
	origin string // as git names it: file:PATH, or command line: for the environment and git -c
	key    string // section and name in lower case, the subsection as written; it may hold a secret
	value  string // it may hold a secret
}

type settings []setting

// lookedAt is a pattern of the settings that the checks look at. A repository
// may have many thousands of others, as those of its branches.
const lookedAt = `^(core\.askpass$|(credential|http|url|remote|submodule)\.)`

// readSettings returns the settings that are looked at in what args and stdin
// have git config read.
func readSettings(ctx context.Context, d *diagnosis, stdin string, args ...string) (settings, error) {
	args = slices.Concat([]string{"config", "--null", "--show-origin"}, args, []string{"--get-regexp", lookedAt})
	text, err := d.output(ctx, nil, stdin, d.gitPath, args...)
	exit, isExit := errors.AsType[*exec.ExitError](err)
	none := isExit && exit.ExitCode() == 1 && text == ""
	if err != nil && !none {
		return nil, err
	}
	return parseSettings(text), nil
}

// parseSettings reads what git config --null --show-origin prints.
func parseSettings(text string) settings {
	var all settings
	for record := range slices.Chunk(strings.Split(text, "\x00"), 2) {
		if len(record) < 2 {
			break // what is behind the last NUL
		}
		s := setting{origin: record[0]}
		s.key, s.value, _ = strings.Cut(record[1], "\n")
		all = append(all, s)
	}
	return all
}

// of returns the settings of that section and name, whatever their subsection.
func (all settings) of(section, name string) settings {
	var found settings
	for _, s := range all {
		if strings.HasPrefix(s.key, section+".") && strings.HasSuffix(s.key, "."+name) {
			found = append(found, s)
		}
	}
	return found
}

// tellPath reports whether git tells a helper the paths of URLs at host.
func (all settings) tellPath(host string) (told bool) {
	for _, s := range all.of("credential", "usehttppath") {
		if s.appliesTo(host) {
			told = slices.Contains([]string{"", "true", "yes", "on", "1"}, strings.ToLower(s.value))
		}
	}
	return told
}

// named returns those of the settings that have the subsection.
func (all settings) named(subsection string) settings {
	var found settings
	for _, s := range all {
		if s.subsection() == subsection {
			found = append(found, s)
		}
	}
	return found
}

// rewritten returns raw as git changes it: the longest insteadOf that it begins
// with is replaced.
func (all settings) rewritten(raw string) string {
	var best setting
	for _, s := range all.of("url", "insteadof") {
		if strings.HasPrefix(raw, s.value) && len(s.value) > len(best.value) {
			best = s
		}
	}
	if best.value == "" {
		return raw
	}
	return best.subsection() + raw[len(best.value):]
}

// subsection returns what stands between section and name; "" if nothing does.
func (s setting) subsection() string {
	first, last := strings.IndexByte(s.key, '.'), strings.LastIndexByte(s.key, '.')
	if first == last {
		return ""
	}
	return s.key[first+1 : last]
}

// shownKey returns the key as it may be shown.
func (s setting) shownKey() string {
	return strings.Replace(s.key, s.subsection(), redactURL(s.subsection()), 1)
}

// appliesTo reports whether a setting whose subsection is a URL, or nothing, is
// for URLs at host over https: for all of them or, if the URL has a path, for
// some.
func (s setting) appliesTo(host string) bool {
	matched, _ := s.matches(host)
	return matched
}

// matches does what [setting.appliesTo] does, and returns the path in the
// subsection. Git takes a host without a scheme too, and a star in place of a
// part between dots.
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
	authority = strings.ToLower(authority[strings.LastIndexByte(authority, '@')+1:])
	parts := strings.Split(strings.TrimSuffix(authority, ":443"), ".")
	fits := func(part, want string) bool { return part == "*" || part == want }
	return slices.EqualFunc(parts, strings.Split(host, "."), fits), path
}

// where returns where the setting was made, for somebody who wants to undo it.
func (s setting) where(getenv func(string) string) string {
	if path, isFile := strings.CutPrefix(s.origin, "file:"); isFile {
		return path
	}
	for n := 0; getenv("GIT_CONFIG_KEY_"+strconv.Itoa(n)) != ""; n++ {
		name, value := "GIT_CONFIG_KEY_"+strconv.Itoa(n), "GIT_CONFIG_VALUE_"+strconv.Itoa(n)
		if strings.EqualFold(getenv(name), s.key) && getenv(value) == s.value {
			return "the environment (" + name + ")"
		}
	}
	return "git -c (GIT_CONFIG_PARAMETERS)"
}
