package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// gitVersion is git's, without what follows the second number.
type gitVersion struct{ major, minor int }

func (v gitVersion) String() string { return fmt.Sprintf("git %d.%d", v.major, v.minor) }

// olderThan reports whether v is older than 2.minor.
func (v gitVersion) olderThan(minor int) bool {
	return v.major < 2 || v.major == 2 && v.minor < minor
}

// checkGit looks for git, and for its version.
func checkGit(ctx context.Context, d *diagnosis) finding {
	found := d.Programs("git")
	if len(found) == 0 {
		return wrong("there is no git on the PATH: install it")
	}
	// Malformed settings are for other checks to tell.
	without := []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull}
	text, err := d.output(ctx, without, "", found[0], "version")
	var version gitVersion
	_, scanErr := fmt.Sscanf(text, "git version %d.%d", &version.major, &version.minor)
	if err != nil || scanErr != nil {
		return wrong("%s doesn't tell its version: it isn't git, or broken; reinstall it", found[0])
	}
	d.gitPath, d.git = found[0], version
	switch {
	case version.olderThan(31):
		return ok("%s, which takes no configuration from the environment (2.31 does)", version)
	case version.olderThan(40):
		return ok("%s, which doesn't know when a password expires (2.40 does); "+
			"what it gets is fresh all the same", version)
	}
	return ok("%s", version)
}

// checkGitConfig reads git's configuration, as it is in the current folder.
func checkGitConfig(ctx context.Context, d *diagnosis) finding {
	all, err := readSettings(ctx, d, "")
	switch {
	case err == nil:
		d.settings = all
		return ok("readable")
	case errors.Is(err, process.ErrOutput):
		return wrong("git has more than 1 MiB of settings for remotes, submodules, helpers and " +
			"URLs, too many to look at: remove what nobody needs")
	case ctx.Err() != nil:
		return wrong("git doesn't read its configuration in time: a file system may hang")
	}
	return wrong("git can't read its configuration: run git config --list to see which " +
		"file to correct")
}
