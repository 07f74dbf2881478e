package workspace

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// checkGit looks for git, and whether it is new enough to be configured by its environment.
func (d *diagnosis) checkGit(ctx context.Context) finding {
	found := d.programs("git")
	if len(found) == 0 {
		return wrong("there is no git on the PATH: install it")
	}
	// A malformed file is for the next check to tell.
	text, err := d.output(ctx, []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull}, "", found[0], "version")
	var major, minor int
	if _, scanErr := fmt.Sscanf(text, "git version %d.%d", &major, &minor); err != nil || scanErr != nil {
		return wrong("%s doesn't tell its version: it isn't git, or broken; reinstall it", found[0])
	}
	version := fmt.Sprintf("git %d.%d", major, minor)
	older := func(than int) bool { return major < 2 || major == 2 && minor < than }
	if older(31) {
		return wrong("%s is too old: it takes no configuration from the environment (2.31 does); upgrade it", version)
	}
	d.gitPath = found[0]
	if older(40) {
		return ok("%s, which doesn't know when a password expires (2.40 does); what it gets is fresh all the same", version)
	}
	return ok("%s", version)
}

// checkGitConfig reads git's configuration, as it is in the current folder.
func (d *diagnosis) checkGitConfig(ctx context.Context) finding {
	env := make(map[string]string, len(d.Environ))
	for _, variable := range d.Environ {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	if err := gitcredential.AppendEnv(env); err != nil { // adds nothing, and reads what is there as git does
		return wrong("%s", sentence(err))
	}
	all, err := d.readSettings(ctx, "--list", "--show-scope")
	if err != nil {
		return wrong("git can't read its configuration: run git config --list to see which file to correct")
	}
	d.settings = all
	return ok("readable, %d settings", len(all))
}

// checkGitHelper looks whether git asks this command, and whom else: for each host, and for the paths below it that have
// settings of their own.
func (d *diagnosis) checkGitHelper(context.Context) finding {
	var found []finding
	helpers := d.settings.of("credential", "helper")
	for _, host := range d.served {
		paths := []string{""}
		for _, s := range helpers {
			if matched, path := s.matches(host); matched && !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
		for _, path := range paths {
			found = append(found, d.helpersOf(helpers, host, path))
		}
	}
	return worst(found)
}

// helpersOf looks at those of the helpers that git asks for what is below the path at the host.
func (d *diagnosis) helpersOf(helpers settings, host, below string) finding {
	var asked []setting
	var reset setting // what wiped ours
	for _, s := range helpers {
		if matched, path := s.matches(host); matched && isBelow(below, path) {
			if s.value == "" {
				if slices.ContainsFunc(asked, d.isOurs) {
					reset = s
				}
				asked = nil
				continue
			}
			asked = append(asked, s)
		}
	}
	if below != "" {
		host += "/" + below
	}
	ours := slices.IndexFunc(asked, d.isOurs)
	switch {
	case ours < 0 && reset.key != "":
		return wrong("git's helper for %s is wiped by an empty %s in %s: remove that", host, reset.shownKey(), d.where(reset))
	case ours < 0:
		return wrong("git has no helper of provisionkit's for %s: run %s install, or let the platform set GIT_CONFIG_COUNT", host, gitcredential.DefaultCommand)
	case ours > 0:
		return wrong("git asks another helper for %s first, by %s in %s: remove that", host, asked[0].shownKey(), d.where(asked[0]))
	}
	for _, other := range asked[1:] {
		if other.value == "store" || strings.HasPrefix(other.value, "store ") {
			return wrong("git would have credential-store write each token for %s to disk, by %s in %s: remove that", host, other.shownKey(), d.where(other))
		}
		if !d.isOurs(other) {
			return warn("git asks another helper for %s when there is no token, by %s in %s: it may act as somebody else", host, other.shownKey(), d.where(other))
		}
	}
	return ok("asks provisionkit's helper")
}

// isBelow reports whether a setting for URLs below the path applies to all that are below the other one.
func isBelow(other, path string) bool {
	path = strings.TrimSuffix(path, "/")
	return path == "" || other == path || strings.HasPrefix(other, path+"/")
}

// isOurs reports whether the helper is this command, by its name or in its inline form.
func (d *diagnosis) isOurs(s setting) bool {
	if s.value == strings.TrimPrefix(gitcredential.DefaultCommand, "git-credential-") ||
		strings.Contains(s.value, gitcredential.DefaultCommand) || strings.Contains(s.value, tokenhttp.EnvTokenURL) {
		return true
	}
	path := strings.TrimPrefix(s.value, "!")
	if quoted, isQuoted := strings.CutPrefix(path, "'"); isQuoted {
		path, _, _ = strings.Cut(quoted, "'")
	} else {
		path, _, _ = strings.Cut(path, " ")
	}
	return filepath.IsAbs(path) && isCommand(path)
}

// checkGitCredential has git itself fetch a credential for each host, as it does before a push, and compares it with
// the token that this command has.
func (d *diagnosis) checkGitCredential(ctx context.Context) finding {
	var changing []string // hosts whose token can't be compared
	for _, host := range d.served {
		// Nobody is to be asked for a password: neither a program, which the empty variable turns off, nor the terminal.
		text, err := d.output(ctx, []string{"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS="}, credentialRequest(host), d.gitPath, "credential", "fill")
		if err != nil {
			return wrong("git gets no credential for %s: the helper that it is configured with isn't there or fails; "+
				"run git credential fill to see what it says", host)
		}
		got, err := parseAnswer(text)
		if err != nil {
			return wrong("git gets a user name without a token for %s: another helper answers", host)
		}
		if d.fresh.is(got.token.reveal()) {
			continue
		}
		// In between there may have come another.
		again, err := d.get(ctx)
		if err == nil && again.token.is(got.token.reveal()) {
			continue
		}
		if err == nil && d.changes(ctx, again) {
			changing = append(changing, host)
			continue
		}
		return wrong("git gets another token for %s than this command's: another helper answers with SHA-256 %s",
			host, tokenprovider.TokenSHA256(got.token.reveal()))
	}
	if len(changing) > 0 {
		return ok("git gets a token for %s; that it is this command's can't be told, since the platform hands out another one each time",
			strings.Join(changing, ", "))
	}
	return ok("git gets the token for %s", strings.Join(d.served, ", "))
}

// changes reports whether the platform hands out another token than last each time: nothing is kept here, nor there.
func (d *diagnosis) changes(ctx context.Context, last gitAnswer) bool {
	next, err := d.get(ctx)
	return err == nil && !next.token.is(last.token.reveal())
}

// checkAskpass looks for a program that git would have ask for a password where there is no token.
func (d *diagnosis) checkAskpass(context.Context) finding {
	program, from := d.Env("GIT_ASKPASS"), "GIT_ASKPASS"
	if !slices.ContainsFunc(d.Environ, func(v string) bool { return isAny(v, []string{"GIT_ASKPASS"}) }) {
		if set := d.settings.of("core", "askpass"); len(set) > 0 {
			last := set[len(set)-1]
			program, from = last.value, "core.askPass in "+d.where(last)
		}
	}
	if found := d.programs(program); len(found) > 0 && filepath.Base(program) == program {
		program = found[0]
	}
	onFailure, err := readOnFailure(d.Env)
	switch {
	case program == "":
		return ok("none is set")
	case isCommand(program) && programName(program) != askpassLink:
		return wrong("%s is provisionkit's command under a name by which it answers no prompt: set it to the link %s, which install makes", from, askpassLink)
	case isCommand(program):
		return ok("%s is provisionkit's", from)
	case err == nil && onFailure == gitcredential.Quit:
		return ok("%s is another program, which git doesn't get to: %s is quit", from, envOnFailure)
	}
	return warn("%s is a program of an editor or somebody else's, which asks for a password when there is no token: "+
		"set %s=quit, or unset it", from, envOnFailure)
}
