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

	"github.com/molecule-ai/provisionkit/internal/plainfile"
	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
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
	return slices.ContainsFunc(f.hosts, others)
}

// nowhere is the folder of gh's configuration where none can be made.
const nowhere = "/nonexistent/gh"

// lent is a folder of gh's configuration that is there for one run.
type lent struct {
	path string
	held *os.File // the folder, locked for as long as it is needed
}

// remove does away with the folder.
func (l lent) remove() {
	_ = os.RemoveAll(l.path)
	l.held.Close()
}

// parents returns where the folder may lie. Those in memory come first: they
// are in no snapshot and in no work tree, whatever becomes of this process.
func parents(p *process.Process) []string {
	return []string{p.Env("XDG_RUNTIME_DIR"), "/dev/shm", p.Env("TMPDIR"), os.TempDir(), "/tmp"}
}

// lend makes the folder in the first place that takes it.
func (f folder) lend(p *process.Process) (lent, error) {
	files, err := f.files()
	if err != nil {
		return lent{}, err
	}
	for _, parent := range parents(p) {
		if !filepath.IsAbs(parent) {
			continue
		}
		sweep(parent)
		var made lent
		if made, err = f.write(parent, files); err == nil {
			return made, nil
		}
	}
	return lent{}, fmt.Errorf("there is no folder for gh's configuration: make one of "+
		"XDG_RUNTIME_DIR, /dev/shm, TMPDIR and /tmp writable: %w", err)
}

// write makes the folder in parent.
func (f folder) write(parent string, files map[string]string) (l lent, err error) {
	if l.path, err = os.MkdirTemp(parent, lentPrefix); err != nil {
		return lent{}, err
	}
	if l.held, err = os.Open(l.path); err == nil {
		lock(l.held)
		for name, content := range files {
			err = errors.Join(err, os.WriteFile(filepath.Join(l.path, name), []byte(content), 0o600))
		}
	}
	if err != nil {
		l.remove()
		return lent{}, err
	}
	f.link(l.path)
	return l, nil
}

// files returns the content of what is written into the folder.
func (f folder) files() (map[string]string, error) {
	settings, err := f.read(settingsFile)
	if err != nil {
		return nil, err
	}
	logins, err := f.read(hostsFile)
	if err != nil {
		return nil, err
	}
	return map[string]string{
		ownFile: f.own, settingsFile: withVersion(settings), hostsFile: f.logins(logins),
	}, nil
}

// read returns the content of a file of the person's; "" if there is none.
func (f folder) read(name string) (string, error) {
	if f.own == "" {
		return "", nil
	}
	path := filepath.Join(f.own, name)
	content, err := plainfile.Read(path, plainfile.Most)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s can't be read: %w", path, err)
	}
	return string(content), nil
}

// link makes what else is in the person's folder, which is their extensions',
// reachable in path.
func (f folder) link(path string) {
	entries, err := os.ReadDir(f.own)
	if err != nil {
		return
	}
	written := []string{ownFile, settingsFile, hostsFile}
	for _, entry := range entries {
		if name := entry.Name(); !slices.Contains(written, name) {
			_ = os.Symlink(filepath.Join(f.own, name), filepath.Join(path, name))
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

// versionSetting and firstSetting are forms of a config.yml. The groups of the
// second are what stands before the first setting, its indentation, and it.
const (
	versionSetting = `(?m)^ *["']?version["']?\s*:`
	firstSetting   = `^((?:[ \t]*(?:#.*)?\r?\n|---[ \t]*\r?\n)*)( *)(["']?\w+["']?\s*:|$)`
)

// withVersion returns a config.yml that is past the one change of form that gh
// has made: it would make it again at each run, and ask the forge for the name
// of each login. A form that gh doesn't write stays as it is.
func withVersion(content string) string {
	if regexp.MustCompile(versionSetting).MatchString(content) {
		return content
	}
	if content != "" && !strings.HasSuffix(content, "\n") {
		content += "\n"
	}
	return regexp.MustCompile(firstSetting).ReplaceAllString(content, "${1}${2}version: \"1\"\n${2}${3}")
}
