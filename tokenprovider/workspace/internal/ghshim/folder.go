package ghshim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/safefile"
)

// folder is what a folder for gh's configuration has to hold, so that gh has
// the token for our hosts and for nothing else. Where github.com is one of
// several hosts it has a login too: a host that alone has one is where gh goes
// by itself.
type folder struct {
	own   string            // the person's folder, whose settings hold on; "" if there is none
	hosts []string          // ours, for which no login of the person's is taken
	token secret.Of[string] // the empty one gives gh no login
}

// logsIn reports whether gh needs a login: for github.com alone GH_TOKEN will
// do.
func (f folder) logsIn() bool {
	others := func(host string) bool { return host != gitcredential.DefaultHost }
	return f.token.Reveal() != "" && slices.ContainsFunc(f.hosts, others)
}

// lend writes the folder where it is to be removed after gh.
func (f folder) lend(temp string) (path string, err error) {
	if !filepath.IsAbs(temp) {
		temp = "" // the system's
	}
	if path, err = os.MkdirTemp(temp, "provisionkit-gh-"); err != nil {
		return "", err
	}
	root, err := os.OpenRoot(path)
	if err == nil {
		err = errors.Join(f.write(root), root.Close())
	}
	if err != nil {
		os.RemoveAll(path)
		return "", err
	}
	return path, nil
}

// write makes root, which is empty, what f says.
func (f folder) write(root *os.Root) error {
	settings, err := f.read(settingsFile)
	if err != nil {
		return err
	}
	logins, err := f.read(hostsFile)
	if err != nil {
		return err
	}
	files := map[string]string{
		ownFile: f.own, settingsFile: withVersion(settings), hostsFile: f.logins(logins),
	}
	for name, content := range files {
		if err := root.WriteFile(name, []byte(content), 0o600); err != nil {
			return err
		}
	}
	f.link(root)
	return nil
}

// read returns the content of a file of the person's; "" if there is none.
func (f folder) read(name string) (string, error) {
	if f.own == "" {
		return "", nil
	}
	path := filepath.Join(f.own, name)
	content, err := safefile.ReadPlain(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s can't be read: %w", path, err)
	}
	return string(content), nil
}

// link makes what else is in the person's folder, which is their extensions',
// reachable in root.
func (f folder) link(root *os.Root) {
	entries, err := os.ReadDir(f.own)
	if err != nil {
		return
	}
	written := []string{ownFile, settingsFile, hostsFile}
	for _, entry := range entries {
		if name := entry.Name(); !slices.Contains(written, name) {
			_ = root.Symlink(filepath.Join(f.own, name), name)
		}
	}
}

// logins returns gh's hosts.yml: our logins, then what content has for other
// hosts. Ours stand first, so that nothing behind them can become the host of
// the token. Nothing is taken of content that isn't as gh writes it.
func (f folder) logins(content string) string {
	own, _ := parseHosts(content)
	var text strings.Builder
	if token := f.token.Reveal(); f.logsIn() {
		for _, host := range f.hosts {
			fmt.Fprintf(&text, "%s:\n    oauth_token: %s\n    user: %s\n",
				quoted(host), quoted(token), gitcredential.DefaultUsername)
			if protocol := own.of(host).protocol(); protocol != "" {
				fmt.Fprintf(&text, "    git_protocol: %s\n", protocol)
			}
		}
	}
	for _, login := range own {
		if !slices.Contains(f.hosts, login.host) {
			text.WriteString(login.text)
		}
	}
	return text.String()
}

// quoted returns text as YAML has it between quotes, which is how JSON has it.
func quoted(text string) string {
	quoted, _ := json.Marshal(text) // a string always is
	return string(quoted)
}

var (
	anySetting     = regexp.MustCompile(`(?m)^\w+:`)
	versionSetting = regexp.MustCompile(`(?m)^version:`)
)

// withVersion returns a config.yml that is past the one change of form that gh
// has made: it would make it again at each run, and ask the forge for the name
// of each login.
func withVersion(content string) string {
	if !anySetting.MatchString(content) || versionSetting.MatchString(content) {
		return content
	}
	return "version: \"1\"\n" + content
}
