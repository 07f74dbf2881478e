package workspace

import (
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// envCodespaces makes gh, as git's helper too, give GITHUB_TOKEN to any host (CVE-2024-53858).
const envCodespaces = "CODESPACES"

// ghTarget is the host that gh is about to talk to, as far as that can be told without doing gh's work. It decides whether
// gh gets a token, and not what for: that is said by [ghConfig], and holds whatever gh makes of its arguments.
type ghTarget struct {
	host    string
	implied bool // nobody named it, and gh wouldn't take it by itself
	served  bool // it is one of our hosts
}

// ghTarget is what args and the environment say.
func (c *Command) ghTarget(args, hosts []string) ghTarget {
	t := ghTarget{host: hostnameFlag(args)}
	if t.host == "" {
		t.host = c.Env("GH_HOST")
	}
	if t.host == "" {
		t.host = gitcredential.DefaultHost
		if t.implied = !slices.Contains(hosts, t.host); t.implied {
			t.host = hosts[0]
		}
	}
	t.host = strings.ToLower(t.host)
	t.served = gitcredential.Request{Protocol: "https", Host: t.host}.For(hosts)
	return t
}

// hostnameFlag is the value of gh's flag --hostname, or "".
func hostnameFlag(args []string) string {
	host := ""
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--hostname="); ok {
			host = value
		} else if arg == "--hostname" && i+1 < len(args) {
			host = args[i+1]
		}
	}
	return host
}

// tokenVariables are the variables from which gh takes a token in place of a login: the second if the first is unset.
type tokenVariables struct{ first, second string }

var (
	cloudVariables  = tokenVariables{"GH_TOKEN", "GITHUB_TOKEN"}
	serverVariables = tokenVariables{"GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"}
)

// variables are those from which gh takes a token for the host.
func (t ghTarget) variables() tokenVariables {
	if t.host == gitcredential.DefaultHost || strings.HasSuffix(t.host, ".ghe.com") {
		return cloudVariables
	}
	return serverVariables
}

// hasOwnToken reports whether the token that gh would take is the person's own: not one of those that platforms inject.
func (c *Command) hasOwnToken(v tokenVariables) bool {
	token := c.Env(v.first)
	if token == "" {
		token = c.Env(v.second)
	}
	return token != "" && !isInstallationToken(token)
}

// withoutInjected is environ without what platforms inject, and without what gh would take only since that is gone.
func (c *Command) withoutInjected(environ []string) []string {
	for _, v := range []tokenVariables{cloudVariables, serverVariables} {
		for _, name := range []string{v.first, v.second} {
			if isInstallationToken(c.Env(name)) || !c.hasOwnToken(v) {
				environ = without(environ, name)
			}
		}
	}
	return environ
}

func isInstallationToken(token string) bool { return strings.HasPrefix(token, "ghs_") }

// needsToken reports whether gh is to have a token. What is about gh itself can do without, and changes of a login are
// refused by gh as long as it has one.
func needsToken(args []string) bool {
	words := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return strings.HasPrefix(arg, "-") })
	if len(words) == 0 || slices.Contains([]string{"alias", "completion", "config", "help", "version"}, words[0]) {
		return false
	}
	login := []string{"login", "logout", "refresh", "switch", "setup-git"}
	return words[0] != "auth" || len(words) > 1 && !slices.Contains(login, words[1])
}
