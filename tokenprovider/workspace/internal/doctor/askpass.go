package doctor

import (
	"context"
	"path/filepath"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/self"
)

// checkAskpass looks for a program that git would have ask for a password where
// there is no token.
func checkAskpass(_ context.Context, d *diagnosis) finding {
	// The first that is set counts, also an empty one.
	program, from := d.Env("GIT_ASKPASS"), "GIT_ASKPASS"
	if _, isSet := process.Lookup(d.Environ, "GIT_ASKPASS"); !isSet {
		if set := d.settings.of("core", "askpass"); len(set) > 0 {
			last := set[len(set)-1]
			program, from = last.value, "core.askPass in "+last.where(d.Env)
		} else {
			program, from = d.Env("SSH_ASKPASS"), "SSH_ASKPASS"
		}
	}
	if found := d.Programs(program); len(found) > 0 && filepath.Base(program) == program {
		program = found[0]
	}
	onFailure, err := config.ReadOnFailure(d.Env)
	switch {
	case program == "":
		return ok("none is set")
	case self.Is(program) && self.Name(program) != self.AskpassLink:
		return wrong("%s is provisionkit's command under a name by which it answers no prompt: "+
			"set it to the link %s, which install makes", from, self.AskpassLink)
	case self.Is(program):
		return ok("%s is provisionkit's", from)
	case err == nil && onFailure == gitcredential.Quit:
		return ok("%s is another program, which git doesn't get to: %s is quit",
			from, wire.EnvOnFailure)
	}
	return warn("%s is a program of an editor or somebody else's, "+
		"which git has ask for a password when there is no token: set %s=quit, or unset it",
		from, wire.EnvOnFailure)
}
