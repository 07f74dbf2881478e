package workspace

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// ghConfig is what a folder for gh's configuration has to hold, so that gh has the token for our hosts and for nothing
// else. GH_ENTERPRISE_TOKEN won't do: gh sends it to any server that it is told to talk to. GH_TOKEN goes to GitHub alone,
// and is what scripts and extensions read. Where github.com is one of several hosts it has a login too: a host that alone
// has one is where gh goes by itself.
type ghConfig struct {
	own   string   // the person's folder, whose settings hold on; "" if there is none
	hosts []string // ours, for which no login of the person's is taken
	token secret   // the empty one gives gh no login
}

// logsIn reports whether gh needs a login: for github.com alone GH_TOKEN will do.
func (g ghConfig) logsIn() bool {
	return g.token.reveal() != "" && slices.ContainsFunc(g.hosts, func(host string) bool { return host != gitcredential.DefaultHost })
}

const (
	envGHConfig = "GH_CONFIG_DIR"

	ghLogins   = "hosts.yml"
	ghSettings = "config.yml"
	// ghOwn is a file of ours in a folder of ours, with the person's folder as its content.
	ghOwn = "provisionkit-own"
)

// ownGHConfig is the folder of the person's configuration of gh; "" if the environment names none, or one that the
// repository at hand could bring. In what gh starts the environment names ours, which isOurs tells.
func (c *Command) ownGHConfig() (path string, isOurs bool) {
	path = c.Env(envGHConfig)
	if path == "" {
		path = c.defaultGHConfig()
	} else if own, err := readPlain(filepath.Join(path, ghOwn)); err == nil && filepath.IsAbs(path) && (len(own) == 0 || filepath.IsAbs(string(own))) {
		path, isOurs = string(own), true
	}
	if !filepath.IsAbs(path) {
		path = ""
	}
	return path, isOurs
}

func (c *Command) defaultGHConfig() string {
	if dir := c.Env("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "gh")
	}
	if dir := c.Env("AppData"); dir != "" {
		return filepath.Join(dir, "GitHub CLI")
	}
	return filepath.Join(c.Env("HOME"), ".config", "gh")
}

// storedLogin is the file in which gh keeps logins, and what is in it, if it may have one for host; "" if not. One that
// can't be read may have any.
func (c *Command) storedLogin(host string) (path string, content []byte) {
	own, _ := c.ownGHConfig()
	if own == "" {
		return "", nil
	}
	path = filepath.Join(own, ghLogins)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !mayLogIn(string(content), host) {
		return "", nil
	}
	return path, content
}

// keep writes the folder for gh beside what is kept of the same workspace, where it stays until the next gh: it has to
// be there for as long as gh runs, and gh takes the place of this process.
func (g ghConfig) keep(d *disk) (path string, err error) {
	if d == nil {
		return "", errNoDisk
	}
	sum := sha256.Sum256([]byte(g.own + "\x00" + strings.Join(g.hosts, ",")))
	name := d.key + "-" + hex.EncodeToString(sum[:8]) + ".gh"
	info, err := d.root.Lstat(name)
	if err == nil && (!info.IsDir() || private(info) != nil) {
		if err = d.root.RemoveAll(name); err != nil {
			return "", err
		}
	}
	if err := d.root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	root, err := d.root.OpenRoot(name)
	if err != nil {
		return "", err
	}
	defer root.Close()
	return filepath.Join(d.root.Name(), name), g.write(root)
}

// lend writes the folder for gh where it is to be removed after gh.
func (g ghConfig) lend(temp string) (path string, err error) {
	if !filepath.IsAbs(temp) {
		temp = "" // the system's
	}
	if path, err = os.MkdirTemp(temp, "provisionkit-gh-"); err != nil {
		return "", err
	}
	root, err := os.OpenRoot(path)
	if err == nil {
		err = errors.Join(g.write(root), root.Close())
	}
	if err != nil {
		os.RemoveAll(path)
		return "", err
	}
	return path, nil
}

// write makes root what g says. Files that are right already stay, since other gh may be reading them.
func (g ghConfig) write(root *os.Root) error {
	settings, err := g.read(ghSettings)
	if err != nil {
		return err
	}
	logins, err := g.read(ghLogins)
	if err != nil {
		return err
	}
	for name, content := range map[string]string{ghOwn: g.own, ghSettings: withVersion(settings), ghLogins: g.logins(logins)} {
		if held, err := readPrivate(root, name); err == nil && string(held) == content {
			continue
		}
		if err := replaceIn(root, name+"."+rand.Text(), name, []byte(content)); err != nil {
			return err
		}
	}
	g.link(root)
	return nil
}

// read is the content of a file of the person's; "" if there is none.
func (g ghConfig) read(name string) (string, error) {
	if g.own == "" {
		return "", nil
	}
	path := filepath.Join(g.own, name)
	content, err := readPlain(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s can't be read: %w", path, err)
	}
	return string(content), nil
}

// link makes what else is in the person's folder, which is their extensions', reachable in root.
func (g ghConfig) link(root *os.Root) {
	entries, err := os.ReadDir(g.own)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if name := entry.Name(); !slices.Contains([]string{ghOwn, ghSettings, ghLogins}, name) {
			_ = root.Symlink(filepath.Join(g.own, name), name)
		}
	}
}

// logins are those of gh's hosts.yml: ours, then what content has for other hosts. Ours stand first, so that nothing
// behind them can become the host of the token.
func (g ghConfig) logins(content string) string {
	own, _ := parseLogins(content) // nothing is taken of one that isn't as gh writes it
	var text strings.Builder
	if token := g.token.reveal(); g.logsIn() {
		for _, host := range g.hosts {
			fmt.Fprintf(&text, "%s:\n    oauth_token: %s\n    user: %s\n", quoted(host), quoted(token), gitcredential.DefaultUsername)
			if protocol := own.of(host).protocol(); protocol != "" {
				fmt.Fprintf(&text, "    git_protocol: %s\n", protocol)
			}
		}
	}
	for _, login := range own {
		if !slices.Contains(g.hosts, login.host) {
			text.WriteString(login.text)
		}
	}
	return text.String()
}

// quoted is text as YAML has it between quotes, which is how JSON has it.
func quoted(text string) string {
	quoted, _ := json.Marshal(text) // a string always is
	return string(quoted)
}

var (
	anySetting     = regexp.MustCompile(`(?m)^\w+:`)
	versionSetting = regexp.MustCompile(`(?m)^version:`)
)

// withVersion is a config.yml that is past the one change of form that gh has made: it would make it again at each run,
// and ask the forge for the name of each login.
func withVersion(content string) string {
	if !anySetting.MatchString(content) || versionSetting.MatchString(content) {
		return content
	}
	return "version: \"1\"\n" + content
}
