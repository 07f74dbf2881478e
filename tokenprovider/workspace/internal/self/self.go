// Package self tells which programs are this command, whatever they are called:
// by the names of its links it is one of its subcommands, copies and other
// versions of it stand on a PATH, and a program of somebody else's may have it
// linked into itself.
package self

import (
	"debug/buildinfo"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// AskpassLink is the name of the link for GIT_ASKPASS, which takes a program
// without arguments.
const AskpassLink = "git-askpass-provisionkit"

// Link is a name under which the command is one of its subcommands.
type Link struct{ Name, Subcommand string }

// Links returns all of them.
func Links() []Link { return []Link{{"gh", "gh"}, {AskpassLink, "askpass"}} }

// Name returns the name of the program at path, on Windows in lower case and
// without .exe.
func Name(path string) string {
	name := filepath.Base(path)
	if runtime.GOOS == "windows" {
		name = strings.TrimSuffix(strings.ToLower(name), ".exe")
	}
	return name
}

// commandPackage is the main package of the command as it is shipped.
const commandPackage = modulePath + "/tokenprovider/workspace/" + gitcredential.DefaultCommand

// Is reports whether the program at path is this command: this very file, or
// another build of its main package, since neither a copy nor a link to another
// version can be told by its name. The main package is the command's own or, in
// a program that it was linked into, that program's. What else was built with
// this module is another program.
func Is(path string) bool {
	if own, err := os.Executable(); err == nil && Same(path, own) {
		return true
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return false
	}
	if info.Path == commandPackage {
		return true
	}
	own, known := debug.ReadBuildInfo()
	return known && strings.Contains(own.Path, "/") && info.Path == own.Path
}

// Same reports whether two paths lead to one file.
func Same(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// CalledAs returns the absolute path by which this program can be called by
// name: as it was called this time, or as found on the PATH; "" if there is
// none.
func CalledAs(p *process.Process, name string) string {
	own, err := os.Executable()
	if err != nil {
		return ""
	}
	candidates := p.Programs(name)
	if called := p.Args[0]; filepath.Base(called) != called && Name(called) == name {
		if path, err := filepath.Abs(called); err == nil {
			candidates = append([]string{path}, candidates...)
		}
	}
	for _, path := range candidates {
		if Same(path, own) {
			return path
		}
	}
	return ""
}

// Path returns the absolute path of this program, under the command's own name
// if it can be called by that.
func Path(p *process.Process) (string, error) {
	if path := CalledAs(p, gitcredential.DefaultCommand); path != "" {
		return path, nil
	}
	return os.Executable()
}
