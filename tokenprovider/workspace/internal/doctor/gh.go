package doctor

import (
	"context"
	"regexp"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/ghshim"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/self"
)

// ghIsShim reports whether who types gh gets this command.
func ghIsShim(d *diagnosis) bool {
	found := d.Programs("gh")
	return len(found) > 0 && self.Is(found[0])
}

// checkGH looks whether gh gets fresh tokens.
func checkGH(ctx context.Context, d *diagnosis) finding {
	found := d.Programs("gh")
	if len(found) == 0 {
		return ok("there is no gh on the PATH")
	}
	path, isShim := found[0], ghIsShim(d)
	if isShim {
		var err error
		if path, err = ghshim.Real(d.Process); err != nil {
			return wrong("%s stands before gh, but: %s", found[0], err)
		}
	} else if !hasGateway(d.Process) { // which needs no shim unless gateway-gh says so
		return wrong("gh is %s, which gets no fresh token: run git-credential-provisionkit "+
			"install --dir with a folder that stands before it on the PATH", path)
	}
	text, err := d.output(ctx, []string{"GH_NO_UPDATE_NOTIFIER=1"}, "", path, "--version")
	version, isVersion := strings.CutPrefix(text, "gh version ")
	if err != nil || !isVersion {
		return wrong("%s doesn't tell its version: it isn't gh, or broken; reinstall it, "+
			"or set %s to the real one", path, wire.EnvGH)
	}
	version, _, _ = strings.Cut(version, " ")
	if !isShim {
		return ok("gh %s in %s", version, path)
	}
	return ok("%s stands before gh %s in %s", found[0], version, path)
}

// deadLogin is a login of gh's with an installation token, which was dead an
// hour after somebody stored it.
const deadLogin = `(?m)^\s+oauth_token:\s*["']?ghs_`

// checkGHLogin looks for logins that gh stored: it acts as those where it gets
// no token.
func checkGHLogin(_ context.Context, d *diagnosis) finding {
	found := []finding{ok("none for these hosts")}
	for _, host := range d.pulled { // gateway-gh looks at its own
		path, content := ghshim.StoredLogin(d.Process, host)
		if path == "" {
			continue
		}
		switch {
		case regexp.MustCompile(deadLogin).Match(content):
			found = append(found, wrong("gh's login for %s in %s is an installation token, "+
				"which dies after an hour: run gh auth logout", host, path))
		case ghIsShim(d):
			found = append(found, warn("gh has a login for %s in %s: where the platform has no "+
				"token gh isn't run, so that nobody acts as that; run gh auth logout", host, path))
		default:
			found = append(found, warn("gh has a login for %s in %s, and acts as that instead of "+
				"as the workspace: run gh auth logout", host, path))
		}
	}
	return worst(found)
}

// checkEnvironment looks for tokens that other programs take before they ask
// anybody.
func checkEnvironment(_ context.Context, d *diagnosis) finding {
	var injected, enterprise, own []string
	names := []string{"GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"}
	for _, name := range names {
		switch value := d.Env(name); {
		case value == "":
		case ghshim.IsInjected(value):
			injected = append(injected, name)
		case strings.Contains(name, "ENTERPRISE"):
			if hasGateway(d.Process) { // of which gateway-gh tells
				continue
			}
			enterprise = append(enterprise, name)
		default:
			own = append(own, name)
		}
	}
	found := []finding{ok("")}
	if len(injected) > 0 && !pulls(d.Process) {
		found = append(found, wrong("in %s is a token of the forge, which the gateway is there to "+
			"keep out: have the platform not inject it", and(injected)))
	} else if len(injected) > 0 && ghIsShim(d) {
		found = append(found, warn("in %s is a token that dies an hour after it was made: "+
			"gh gets fresh ones, other programs need git-credential-provisionkit exec",
			and(injected)))
	} else if len(injected) > 0 {
		found = append(found, wrong("in %s is a token that dies an hour after it was made, "+
			"and hides every fresh one: unset it, and run what needs it by "+
			"git-credential-provisionkit exec", and(injected)))
	}
	if len(enterprise) > 0 {
		found = append(found, warn("%s is set, and gh before 2.63 gives it to any host that "+
			"asks: unset it unless it is needed", and(enterprise)))
	}
	if len(own) > 0 {
		found = append(found, ok("in %s is somebody's own token, which gh uses instead of "+
			"the workspace's", and(own)))
	}
	if d.Env(ghshim.EnvCodespaces) != "" && !ghIsShim(d) {
		found = append(found, warn("CODESPACES is set, so that gh gives GITHUB_TOKEN to any host "+
			"that asks: unset it"))
	}
	if len(found) == 1 {
		return ok("no tokens in it")
	}
	return worst(found)
}

// and returns names as a sentence has them.
func and(names []string) string { return strings.Join(names, " and ") }
