package doctor

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// checkGit looks for git, and whether it is new enough to be configured by its
// environment.
func checkGit(ctx context.Context, d *diagnosis) finding {
	found := d.Programs("git")
	if len(found) == 0 {
		return wrong("there is no git on the PATH: install it")
	}
	// A malformed file is for the next check to tell.
	without := []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull}
	text, err := d.output(ctx, without, "", found[0], "version")
	var major, minor int
	_, scanErr := fmt.Sscanf(text, "git version %d.%d", &major, &minor)
	if err != nil || scanErr != nil {
		return wrong("%s doesn't tell its version: it isn't git, or broken; reinstall it", found[0])
	}
	version := fmt.Sprintf("git %d.%d", major, minor)
	older := func(than int) bool { return major < 2 || major == 2 && minor < than }
	if older(31) {
		return wrong("%s is too old: it takes no configuration from the environment (2.31 "+
			"does); upgrade it", version)
	}
	d.gitPath = found[0]
	if older(40) {
		return ok("%s, which doesn't know when a password expires (2.40 does); "+
			"what it gets is fresh all the same", version)
	}
	return ok("%s", version)
}

// checkGitConfig reads git's configuration, as it is in the current folder.
func checkGitConfig(ctx context.Context, d *diagnosis) finding {
	env := make(map[string]string, len(d.Environ))
	for _, variable := range d.Environ {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	// It adds nothing, and reads what is there as git does.
	if err := gitcredential.AppendEnv(env); err != nil {
		return wrong("%s", err)
	}
	all, err := readSettings(ctx, d, "--list", "--show-scope")
	if err != nil {
		return wrong("git can't read its configuration: run git config --list to see which " +
			"file to correct")
	}
	d.settings = all
	return ok("readable, %d settings", len(all))
}
