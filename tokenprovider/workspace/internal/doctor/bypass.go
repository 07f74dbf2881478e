package doctor

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/plainfile"
)

// checkHeaders looks for an Authorization that git sends of its own accord:
// beside a helper's it is one too many, or it is a token that nobody renews.
func checkHeaders(_ context.Context, d *diagnosis) finding {
	found := []finding{ok("none is sent along")}
	for _, host := range d.served {
		var sent []setting
		for _, s := range d.settings.of("http", "extraheader") {
			switch name, _, _ := strings.Cut(s.value, ":"); {
			case !s.appliesTo(host):
			case s.value == "":
				sent = nil
			case strings.EqualFold(strings.TrimSpace(name), "Authorization"):
				sent = append(sent, s)
			}
		}
		if host == d.gatewayHost() && len(sent) == 1 && d.isGatewayHeader(sent[0]) {
			continue
		}
		for _, s := range sent {
			found = append(found, wrong("%s in %s sends an Authorization to %s, "+
				"beside or instead of the helper's: remove it", s.shownKey(), s.where(d.Env), host))
		}
	}
	return worst(found)
}

// checkRewrites looks for rules that change URLs of a host into such as need no
// helper, or hold a token.
func checkRewrites(_ context.Context, d *diagnosis) finding {
	found := []finding{ok("none leads away")}
	for _, name := range []string{"insteadof", "pushinsteadof"} {
		for _, s := range d.settings.of("url", name) {
			where := s.where(d.Env)
			if parseTarget(s.subsection()).secret {
				found = append(found, wrong("a url.<base>.%s in %s has a password or token in "+
					"its base: remove it, and revoke the token", name, where))
				continue
			}
			for _, host := range d.served {
				if to, does := leadsAway(s, host, d.gatewayHost()); does {
					found = append(found, wrong("a url.<base>.%s in %s turns URLs of %s into %s, "+
						"for which there are no tokens: remove it", name, where, host, to))
				}
			}
		}
	}
	return worst(found)
}

// leadsAway reports whether a rule of git's, which puts its subsection in place
// of its value, changes https URLs at host into others than the gateway's.
func leadsAway(s setting, host, gateway string) (to string, does bool) {
	url := "https://" + host + "/"
	if strings.HasPrefix(s.value, url) {
		url = s.value
	}
	if s.value == "" || !strings.HasPrefix(url, s.value) {
		return "", false
	}
	t := parseTarget(s.subsection() + url[len(s.value):])
	switch {
	case t.scheme == "https" && (t.host == host || t.host == gateway):
		return "", false
	case t.scheme == "":
		return "paths", true
	}
	return t.scheme + "://" + t.host, true
}

// checkNetrc looks for passwords that the HTTP library of git takes before git
// asks a helper.
func checkNetrc(_ context.Context, d *diagnosis) finding {
	paths := []string{d.Env("NETRC")}
	for _, home := range []string{d.Env("HOME"), d.Env("USERPROFILE")} {
		if home != "" {
			paths = append(paths, filepath.Join(home, ".netrc"), filepath.Join(home, "_netrc"))
		}
	}
	found := []finding{ok("no entry for these hosts")}
	for _, path := range paths {
		content, err := plainfile.Read(path, plainfile.Most)
		if errors.Is(err, plainfile.ErrTooLarge) {
			found = append(found, warn("%s is too large to look for entries in", path))
		}
		if err != nil {
			continue // git can't read it either, or has none
		}
		for _, host := range d.served {
			name, _, _ := strings.Cut(host, ":")
			if entry := netrcEntry(string(content), name); entry != "" {
				found = append(found, wrong("%s has an entry for %s (%s), which git uses without "+
					"asking a helper: remove it", path, host, entry))
			}
		}
	}
	return worst(found)
}

// netrcEntry returns how the entry for the host begins; "" if there is none.
func netrcEntry(content, host string) string {
	words := strings.Fields(content)
	for i, word := range words {
		if word == "machine" && i+1 < len(words) && strings.EqualFold(words[i+1], host) {
			return "machine " + host
		}
		isValue := i > 0 && slices.Contains([]string{"machine", "login", "password"}, words[i-1])
		if word == "default" && !isValue {
			return "default"
		}
	}
	return ""
}
