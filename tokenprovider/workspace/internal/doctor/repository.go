package doctor

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// checkRepository looks for the repository of the current folder.
func checkRepository(ctx context.Context, d *diagnosis) finding {
	stdout, said, err := d.say(ctx, "rev-parse", "--git-common-dir")
	switch {
	case err == nil:
		folder, err := filepath.Abs(strings.TrimRight(stdout, "\r\n"))
		if err != nil {
			return wrong("the current folder can't be found: go to another one")
		}
		d.commonDir = folder
		return ok("%s", folder)
	case strings.Contains(said, "dubious ownership"), strings.Contains(said, "unsafe repository"):
		return wrong("git refuses all that is asked in this folder, since its repository belongs " +
			"to another user (dubious ownership): change its owner, or run git config --global " +
			"--add safe.directory with its path")
	case strings.Contains(said, "not a git repository"):
		return skipped("there is no repository in this folder")
	}
	return wrong("git can't open the repository in this folder: run git status to see why")
}

// say runs git, which asks nobody for a password, and returns both its outputs.
// Standard error is in English, for a check to look for words in; it isn't
// shown, since it may hold anything.
func (d *diagnosis) say(ctx context.Context, args ...string) (stdout, stderr string, err error) {
	environ := slices.Concat(d.Environ, quiet, []string{"LC_ALL=C"})
	return process.Output(ctx, environ, "", d.gitPath, args...)
}

// quiet keeps git from asking anybody for a password: a program, which the empty
// variable turns off, or who sits at the terminal.
var quiet = []string{"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS="}
