package workspace

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// programs are the paths of the programs called name along PATH, in its order. A folder that isn't absolute is passed
// over: it would be one of the repository at hand.
func (c *Command) programs(name string) []string {
	var found []string
	for _, folder := range filepath.SplitList(c.Env("PATH")) {
		if !filepath.IsAbs(folder) {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			found = append(found, path)
		}
	}
	return found
}

// commandPackage is the main package of the command as it is shipped.
const commandPackage = modulePath + "/tokenprovider/workspace/" + gitcredential.DefaultCommand

// isCommand reports whether the program at path is this command under whatever name: this very file, or another build of
// the same main package, since a copy can't be told by its name, nor a link to another version. That is the command's own
// or, in a program that it was linked into, that program's. What else was built with this module is another program.
func isCommand(path string) bool {
	if self, err := os.Executable(); err == nil && sameFile(path, self) {
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

func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// maxOutput bounds what is read of a program's standard output.
const maxOutput = 1 << 20

// output runs program and is what it wrote to standard output. Standard error is dropped: programs put what they were
// given into it, secrets too. The program gets the environment of the command, with the changes, each as NAME=value.
func (c *Command) output(ctx context.Context, changes []string, stdin, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(slices.Clone(c.Environ), changes...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = time.Second // for what it started and left behind, which may hold its output open
	var output bounded
	cmd.Stdout = &output
	err := cmd.Run()
	return output.String(), err
}

// bounded is a buffer of at most maxOutput bytes.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxOutput {
		return 0, errors.New("the output is too large")
	}
	return b.Buffer.Write(p)
}
