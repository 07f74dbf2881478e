package ghshim

import (
	"regexp"
	"strings"
	"sync"
)

// login is what a hosts.yml, as gh writes it, has for a host.
type login struct {
	host  string // in lower case
	text  string // all of its lines, with the one that names the host
	lines []string
}

type loginList []login

// loginHost is the line that begins what belongs to a host.
var loginHost = sync.OnceValue(func() *regexp.Regexp { // at the first use: git waits for the command's start
	return regexp.MustCompile(`^["']?([A-Za-z0-9._:\[\]-]+)["']?:\s*$`)
})

// parseHosts returns what content, a hosts.yml, has for each host; false if it
// isn't as gh writes it.
func parseHosts(content string) (logins loginList, ok bool) {
	for line := range strings.Lines(content) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
			continue
		case !strings.HasPrefix(line, " "):
			host := loginHost().FindStringSubmatch(line)
			if host == nil {
				return nil, false
			}
			logins = append(logins, login{host: strings.ToLower(host[1])})
		case len(logins) == 0:
			return nil, false
		}
		last := &logins[len(logins)-1]
		last.text += line + "\n"
		last.lines = append(last.lines, line)
	}
	return logins, true
}

// of returns what there is for the host; the zero login if there is nothing.
func (l loginList) of(host string) login {
	for _, own := range l {
		if own.host == host {
			return own
		}
	}
	return login{}
}

// protocolSetting is the one setting that gh keeps with a host, if somebody
// made it.
var protocolSetting = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^ {4}git_protocol: (https|ssh)\s*$`)
})

// protocol returns what git is to talk to the host with; "" if nobody said so.
func (l login) protocol() string {
	for _, line := range l.lines {
		if setting := protocolSetting().FindStringSubmatch(line); setting != nil {
			return setting[1]
		}
	}
	return ""
}

// mayLogIn reports whether gh may be somebody at the host by content, a
// hosts.yml: by anything there but a setting.
func mayLogIn(content, host string) bool {
	logins, ok := parseHosts(content)
	if !ok {
		return strings.Contains(strings.ToLower(content), host)
	}
	for _, login := range logins {
		if login.host != host {
			continue
		}
		for _, line := range login.lines[1:] {
			if !protocolSetting().MatchString(line) {
				return true
			}
		}
	}
	return false
}
