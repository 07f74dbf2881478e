// Package gitconfig writes files of git's configuration, above all one that
// takes the place of the system's (GIT_CONFIG_SYSTEM, since git 2.32) and
// includes it.
package gitconfig

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	systemName   = "GIT_CONFIG_SYSTEM"
	noSystemName = "GIT_CONFIG_NOSYSTEM"

	// defaultSystem is the system configuration of a git that was built with
	// the prefix /usr.
	defaultSystem = "/etc/gitconfig"
)

// Setting is one entry of git's configuration.
type Setting struct {
	Key   string // section.name or section.subsection.name
	Value string
}

// File is such a file. The zero File is none.
type File struct {
	path   string
	system string // the configuration that it includes
}

// NewFile returns the file at path that includes the one at system, both
// absolute and clean. An empty system is /etc/gitconfig, an empty path no file.
// The text of an error
// is the rest of a sentence that begins with what is wrong.
func NewFile(path, system string) (File, error) {
	f := File{path, cmp.Or(system, defaultSystem)}
	switch {
	case path == "" && system != "":
		return File{}, errors.New("there is a SystemConfig and no ConfigFile, which would include it")
	case path == "":
		return File{}, nil
	case f.path == f.system:
		return File{}, fmt.Errorf("ConfigFile %q is the image's own configuration, "+
			"which it would replace: choose another path", f.path)
	}
	return f, nil
}

// Path returns where the file is; "" for none.
func (f File) Path() string { return f.path }

// SetEnv makes git read f. It is an error, and changes nothing, where git would
// not read it, or would lose another file by it.
func (f File) SetEnv(env map[string]string) error {
	switch strings.ToLower(env[noSystemName]) {
	case "", "0", "false", "no", "off":
	default:
		return fmt.Errorf("with %s git ignores the file that %s names: unset it, or leave ConfigFile empty",
			noSystemName, systemName)
	}
	switch env[systemName] {
	case "", f.path, f.system:
	default:
		return fmt.Errorf("%s names another file, which git would no longer read: "+
			"name it as the SystemConfig, or as the ConfigFile if another mutator contributes it", systemName)
	}
	env[systemName] = f.path
	return nil
}

// AddTo adds f with settings in it to files. What another mutator contributed
// under its path has the image's own configuration in it, or leaves it out by
// choice. It changes nothing when the settings are there.
func (f File) AddTo(files map[string][]byte, settings []Setting) {
	text := Format(settings)
	held := files[f.path]
	if len(held) == 0 {
		held = Format([]Setting{{"include.path", f.system}})
	}
	if !bytes.Contains(held, text) {
		files[f.path] = slices.Concat(held, text)
	}
}

// Settings returns entries of another type, which has the same fields.
func Settings[E ~struct{ Key, Value string }](entries []E) []Setting {
	settings := make([]Setting, len(entries))
	for n, e := range entries {
		settings[n] = Setting(e)
	}
	return settings
}

// Format returns settings in the syntax of git's configuration files
// (git-config(1), "Syntax"), in which quotes, backslashes and line breaks have
// to be escaped, the last in values alone. Values are quoted: outside of quotes
// # and ; begin a comment.
func Format(settings []Setting) []byte {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace
	var text []byte
	section := ""
	for _, s := range settings {
		first, last := strings.IndexByte(s.Key, '.'), strings.LastIndexByte(s.Key, '.')
		head := "[" + s.Key[:first]
		if first < last {
			head += ` "` + escape(s.Key[first+1:last]) + `"`
		}
		if head += "]\n"; head != section {
			section = head
			text = append(text, head...)
		}
		text = fmt.Appendf(text, "\t%s = \"%s\"\n", s.Key[last+1:], escape(s.Value))
	}
	return text
}
