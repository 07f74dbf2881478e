package workspace

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// links are the names under which the command is one of its subcommands, and what they are for.
var links = []struct{ name, subcommand string }{
	{"gh", "gh"},
	{askpassLink, "askpass"},
}

// askpassLink is there because GIT_ASKPASS takes a program without arguments.
const askpassLink = "git-askpass-provisionkit"

// asLinked is c with the subcommand in its arguments that its name stands for.
func (c *Command) asLinked() *Command {
	for _, link := range links {
		if len(c.Args) > 0 && programName(c.Args[0]) == link.name {
			linked := *c
			linked.Args = append([]string{c.Args[0], link.subcommand}, c.Args[1:]...)
			return &linked
		}
	}
	return c
}

// programName is the name of the program at path, without case and .exe on Windows.
func programName(path string) string {
	name := filepath.Base(path)
	if runtime.GOOS == "windows" {
		name = strings.TrimSuffix(strings.ToLower(name), ".exe")
	}
	return name
}

// calledAs is the absolute path by which this program can be called by name: as it was called this time, or as found on
// the PATH; "" if there is none.
func (c *Command) calledAs(name string) string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	candidates := c.programs(name)
	if called := c.Args[0]; filepath.Base(called) != called && programName(called) == name {
		if path, err := filepath.Abs(called); err == nil {
			candidates = append([]string{path}, candidates...)
		}
	}
	for _, path := range candidates {
		if sameFile(path, self) {
			return path
		}
	}
	return ""
}

// commandPath is the absolute path of this program under its own name, if it can be called by that.
func (c *Command) commandPath() (string, error) {
	if path := c.calledAs(gitcredential.DefaultCommand); path != "" {
		return path, nil
	}
	return os.Executable()
}
