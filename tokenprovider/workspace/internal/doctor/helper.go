package doctor

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/self"
)

// checkGitHelper looks whether git asks this command, and whom else: for each
// host, and for the paths below it that have settings of their own.
func checkGitHelper(_ context.Context, d *diagnosis) finding {
	var found []finding
	helpers := d.settings.of("credential", "helper")
	for _, host := range d.pulled {
		paths := []string{""}
		for _, s := range helpers {
			if matched, path := s.matches(host); matched && !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
		for _, path := range paths {
			found = append(found, checkHelpers(d, helpers, host, path))
		}
	}
	return worst(found)
}

// checkHelpers looks at those of the helpers that git asks for what is below
// the path at the host.
func checkHelpers(d *diagnosis, helpers settings, host, below string) finding {
	var asked []setting
	var reset setting // what wiped ours
	for _, s := range helpers {
		if matched, path := s.matches(host); matched && isBelow(below, path) {
			if s.value == "" {
				if slices.ContainsFunc(asked, isOurs) {
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
	cached := d.cacheFor > 0 && len(asked) > 0 && strings.HasPrefix(asked[0].value, "cache ")
	if cached { // the platform wants git's own cache there
		d.cached, asked = true, asked[1:]
	}
	ours := slices.IndexFunc(asked, isOurs)
	switch {
	case ours < 0 && reset.key != "":
		return wrong("git's helper for %s is wiped by an empty %s in %s: remove that",
			host, reset.shownKey(), reset.where(d.Env))
	case ours < 0:
		return wrong("git has no helper of provisionkit's for %s: %s", host, d.unwired("run "+install+", or let the platform set GIT_CONFIG_COUNT"))
	case ours > 0:
		return wrong("git asks another helper for %s first, by %s in %s: remove that",
			host, asked[0].shownKey(), asked[0].where(d.Env))
	}
	for _, other := range asked[1:] {
		if other.value == "store" || strings.HasPrefix(other.value, "store ") {
			return wrong("git would have credential-store write each token for %s to disk, "+
				"by %s in %s: remove that", host, other.shownKey(), other.where(d.Env))
		}
		if !isOurs(other) {
			return warn("git asks another helper for %s when there is no token, and before 2.46 tells it ours, "+
				"by %s in %s: remove that, since it may act as somebody else", host, other.shownKey(), other.where(d.Env))
		}
	}
	if cached && d.git.olderThan(40) {
		return warn("%s may get a dead token out of its own cache, which stands before "+
			"provisionkit's helper (%s), since it doesn't know when a password expires (2.40 does): "+
			"upgrade it, or have the platform leave CacheFor out", d.git, wire.EnvCacheFor)
	}
	return ok("asks provisionkit's helper")
}

const install = gitcredential.DefaultCommand + " install"

// unwired says what may have become of git's wiring and what to do, or else the
// remedy.
func (d *diagnosis) unwired(remedy string) string {
	system := d.Env("GIT_CONFIG_SYSTEM")
	_, err := os.Stat(system)
	switch {
	case d.git.olderThan(31) && d.Env("GIT_CONFIG_COUNT") != "":
		return d.git.String() + " takes no configuration from the environment (2.31 does): " +
			"upgrade it, or run " + install
	case d.git.olderThan(32) && system != "":
		return d.git.String() + " doesn't know GIT_CONFIG_SYSTEM (2.32 does): upgrade it, or run " +
			install
	case system != "" && d.Env("GIT_CONFIG_NOSYSTEM") != "":
		return "GIT_CONFIG_NOSYSTEM has it ignore the file that GIT_CONFIG_SYSTEM names: unset that"
	case system != "" && err != nil:
		return "there is no " + system + ", which GIT_CONFIG_SYSTEM names: the platform has to " +
			"write it before the workspace starts"
	}
	return remedy
}

// isBelow reports whether a setting for URLs below the path applies to all that
// are below the other one.
func isBelow(other, path string) bool {
	path = strings.TrimSuffix(path, "/")
	return path == "" || other == path || strings.HasPrefix(other, path+"/")
}

// isOurs reports whether a setting names this command as a helper: by its name,
// by its path, or in its inline form.
func isOurs(s setting) bool {
	short := strings.TrimPrefix(gitcredential.DefaultCommand, "git-credential-")
	inline := strings.Contains(s.value, wire.EnvURL)
	if s.value == short || inline || strings.Contains(s.value, gitcredential.DefaultCommand) {
		return true
	}
	path := strings.TrimPrefix(s.value, "!")
	if quoted, isQuoted := strings.CutPrefix(path, "'"); isQuoted {
		path, _, _ = strings.Cut(quoted, "'")
	} else {
		path, _, _ = strings.Cut(path, " ")
	}
	return filepath.IsAbs(path) && self.Is(path)
}

// checkGitCredential has git itself fetch a credential for each host, as it
// does before a push, and compares it with the token that this command has.
func checkGitCredential(ctx context.Context, d *diagnosis) finding {
	var changing []string // hosts whose token can't be compared
	for _, host := range d.pulled {
		text, err := d.output(ctx, quiet, gitRequest(host, ""), d.gitPath, "credential", "fill")
		if err != nil {
			return wrong("git gets no credential for %s: the helper that it is configured with "+
				"isn't there or fails; run git credential fill to see what it says", host)
		}
		got, err := parseAnswer(text)
		if err != nil {
			return wrong("git gets a user name without a token for %s: another helper answers",
				host)
		}
		if sameToken(d.fresh, got.token) {
			continue
		}
		// In between there may have come another.
		again, err := get(ctx, d, d.pulled[0], "")
		if err == nil && sameToken(again.token, got.token) {
			continue
		}
		if err == nil && (d.cached || changes(ctx, d, again)) {
			changing = append(changing, host)
			continue
		}
		return wrong("git gets another token for %s than this command's: "+
			"another helper answers with SHA-256 %s",
			host, tokenprovider.TokenSHA256(got.token.Reveal()))
	}
	if len(changing) > 0 {
		return ok("git gets a token for %s; that it is this command's can't be told, "+
			"since the platform hands out another one each time or git has a cache",
			strings.Join(changing, ", "))
	}
	return ok("git gets the token for %s", strings.Join(d.pulled, ", "))
}

// changes reports whether the platform hands out another token than last each
// time: nothing is kept here, nor there.
func changes(ctx context.Context, d *diagnosis, last gitAnswer) bool {
	next, err := get(ctx, d, d.pulled[0], "")
	return err == nil && !sameToken(next.token, last.token)
}
