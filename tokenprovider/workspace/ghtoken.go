package workspace

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// envCodespaces makes gh, as git's helper too, give GITHUB_TOKEN to any host (CVE-2024-53858).
const envCodespaces = "CODESPACES"

// ghTarget is the host that gh is about to talk to, and the variables from which it takes a token for it.
type ghTarget struct {
	host     string
	implied  bool // nobody named it, and gh wouldn't take it by itself
	served   bool // it is one of our hosts
	variable string
	second   string // is taken when the first is unset
}

// ghTarget is what args and the environment say, as far as that can be told without doing gh's work.
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
	if t.variable, t.second = "GH_TOKEN", "GITHUB_TOKEN"; t.host != gitcredential.DefaultHost && !strings.HasSuffix(t.host, ".ghe.com") {
		t.variable, t.second = "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"
	}
	return t
}

// hostnameFlag is the value of gh's flag --hostname, or "".
func hostnameFlag(args []string) string {
	for i, arg := range args {
		if host, ok := strings.CutPrefix(arg, "--hostname="); ok {
			return host
		}
		if arg == "--hostname" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// hasOwnToken reports whether the token that gh would take is the person's own: not one of those that platforms inject.
func (c *Command) hasOwnToken(t ghTarget) bool {
	token := c.Env(t.variable)
	if token == "" {
		token = c.Env(t.second)
	}
	return token != "" && !isInstallationToken(token)
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

// storedLogin is the file in which gh keeps logins, and what is in it, if it may have one for host; "" if not. One that
// can't be read may have any.
func (c *Command) storedLogin(host string) (path string, content []byte) {
	path = filepath.Join(c.ghConfig(), "hosts.yml")
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !bytes.Contains(bytes.ToLower(content), []byte(host)) {
		return "", nil
	}
	return path, content
}

// ghConfig is the folder of gh's configuration.
func (c *Command) ghConfig() string {
	if dir := c.Env("GH_CONFIG_DIR"); dir != "" {
		return dir
	}
	if dir := c.Env("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "gh")
	}
	if dir := c.Env("AppData"); dir != "" {
		return filepath.Join(dir, "GitHub CLI")
	}
	return filepath.Join(c.Env("HOME"), ".config", "gh")
}
