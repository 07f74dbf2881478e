package gitcredential

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

const (
	systemName   = "GIT_CONFIG_SYSTEM"
	noSystemName = "GIT_CONFIG_NOSYSTEM"

	// defaultSystemConfig is the system configuration of a git that was built
	// with the prefix /usr.
	defaultSystemConfig = "/etc/gitconfig"
)

// configFile is a file of git's configuration that takes the place of the
// system's.
type configFile struct {
	path    string
	system  string // the configuration that it includes
	include []byte // which comes first, so that what wipes helpers wipes its, too
	text    []byte
}

// newConfigFile returns the file that opts ask for, with entries in it; its
// path is empty when they ask for none.
func newConfigFile(opts *MutatorOptions, entries []Entry) (configFile, error) {
	f := configFile{path: opts.ConfigFile, system: cmp.Or(opts.SystemConfig, defaultSystemConfig)}
	switch {
	case f.path == "" && opts.SystemConfig != "":
		return f, errors.New("gitcredential: MutatorOptions has SystemConfig and no ConfigFile, which would include it")
	case f.path == "":
		return f, nil
	case !isConfigPath(f.path):
		return f, fmt.Errorf("gitcredential: MutatorOptions.ConfigFile %q is not an absolute, clean path", f.path)
	case !isConfigPath(f.system):
		return f, fmt.Errorf("gitcredential: MutatorOptions.SystemConfig %q is not an absolute, clean path", f.system)
	case f.path == f.system:
		return f, fmt.Errorf("gitcredential: MutatorOptions.ConfigFile %q is the image's own configuration, "+
			"which it would replace: choose another path", f.path)
	}
	f.include = configText([]Entry{{Key: "include.path", Value: f.system}})
	f.text = configText(entries)
	return f, nil
}

func isConfigPath(p string) bool {
	return wire.IsCleanAbs(p) && !strings.ContainsFunc(p, unicode.IsControl)
}

// setEnv makes git read f.
func (f configFile) setEnv(env map[string]string) error {
	if env == nil {
		return errors.New("gitcredential: MutateEnv on a nil environment")
	}
	switch strings.ToLower(env[noSystemName]) {
	case "", "0", "false", "no", "off":
	default:
		return fmt.Errorf("gitcredential: with %s git ignores the file that %s names: unset it, or leave ConfigFile empty",
			noSystemName, systemName)
	}
	switch env[systemName] {
	case "", f.path, f.system:
	default:
		return fmt.Errorf("gitcredential: %s names another file, which git would no longer read: "+
			"name it as SystemConfig, or as ConfigFile if another mutator contributes it", systemName)
	}
	env[systemName] = f.path
	return nil
}

// addTo adds f to files. What another mutator contributed under its path has
// the image's own configuration in it, or leaves it out by choice.
func (f configFile) addTo(files map[string][]byte) error {
	if files == nil {
		return errors.New("gitcredential: MutateFiles on a nil map of files")
	}
	held := files[f.path]
	if len(held) == 0 {
		held = f.include
	}
	if !bytes.Contains(held, f.text) {
		files[f.path] = slices.Concat(held, f.text)
	}
	return nil
}

// configText returns entries in the syntax of git's configuration files
// (git-config(1), "Syntax"), in which quotes and backslashes have to be escaped,
// and nothing else that has no line break. Values are quoted: outside of quotes
// # and ; begin a comment.
func configText(entries []Entry) []byte {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace
	var text []byte
	section := ""
	for _, e := range entries {
		first, last := strings.IndexByte(e.Key, '.'), strings.LastIndexByte(e.Key, '.')
		head := "[" + e.Key[:first]
		if first < last {
			head += ` "` + escape(e.Key[first+1:last]) + `"`
		}
		if head += "]\n"; head != section {
			section = head
			text = append(text, head...)
		}
		text = fmt.Appendf(text, "\t%s = \"%s\"\n", e.Key[last+1:], escape(e.Value))
	}
	return text
}
