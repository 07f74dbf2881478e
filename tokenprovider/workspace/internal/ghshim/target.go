package ghshim

import (
	"net/url"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// target is the host that gh is about to talk to, as far as that can be told
// without doing gh's work. It decides whether gh gets a token, and not what
// for: [folder] does that, and holds whatever gh makes of its arguments.
type target struct {
	host    string
	implied bool // nobody named it, and gh wouldn't take it by itself
	served  bool // it is one of our hosts
	gateway bool // it is the gateway's, which takes the workspace's bearer for a token
}

// targetOf returns what args and the environment name. There are hosts or a
// gateway, or both.
func targetOf(p *process.Process, args, hosts []string, gateway *url.URL) target {
	t := target{host: hostnameFlag(args)}
	if t.host == "" {
		t.host = p.Env("GH_HOST")
	}
	switch {
	case t.host != "":
	case gateway != nil:
		t.host, t.implied = gateway.Host, true
	default:
		t.host = gitcredential.DefaultHost
		if t.implied = !slices.Contains(hosts, t.host); t.implied {
			t.host = hosts[0]
		}
	}
	t.host = strings.ToLower(t.host)
	t.gateway = gateway != nil && t.host == gateway.Host
	t.served = t.gateway || gitcredential.Request{Protocol: "https", Host: t.host}.For(hosts)
	return t
}

// variables returns those from which gh takes a token for the host.
func (t target) variables() tokenVariables {
	if t.host == gitcredential.DefaultHost || strings.HasSuffix(t.host, ".ghe.com") {
		return cloudVariables
	}
	return serverVariables
}

// hostnameFlag returns the value of gh's flag --hostname, or "". After auth it
// is -h too.
func hostnameFlag(args []string) string {
	host, isAuth := "", len(args) > 0 && args[0] == "auth"
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--hostname="); ok {
			host = value
		} else if (arg == "--hostname" || isAuth && arg == "-h") && i+1 < len(args) {
			host = args[i+1]
		}
	}
	return host
}

// setsUpGit reports whether gh is to make itself git's helper.
func setsUpGit(args []string) bool {
	return len(args) > 1 && args[0] == "auth" && args[1] == "setup-git" && !slices.Contains(args, "--help")
}

// needsToken reports whether gh is to have a token. What is about gh itself can
// do without, and gh refuses to change a login as long as it has one.
func needsToken(args []string) bool {
	isFlag := func(arg string) bool { return strings.HasPrefix(arg, "-") }
	words := slices.DeleteFunc(slices.Clone(args), isFlag)
	own := []string{"alias", "completion", "config", "help", "version"}
	if len(words) == 0 || slices.Contains(own, words[0]) {
		return false
	}
	login := []string{"login", "logout", "refresh", "switch", "setup-git"}
	return words[0] != "auth" || len(words) > 1 && !slices.Contains(login, words[1])
}
