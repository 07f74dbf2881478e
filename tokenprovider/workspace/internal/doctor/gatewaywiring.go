package doctor

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/ghshim"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/platform"
)

// bearerHeader is how git's configuration has the bearer.
const bearerHeader = "Authorization: Bearer "

// isGatewayHeader reports whether s is the header by which the platform has git
// send the bearer.
func (d *diagnosis) isGatewayHeader(s setting) bool {
	return s.subsection() == d.gateway().String()+"/" && strings.HasPrefix(s.value, bearerHeader)
}

// checkGatewayGit looks whether git takes the gateway for the forge, for pushes
// too, and has a bearer for it.
func checkGatewayGit(_ context.Context, d *diagnosis) finding {
	base := d.gateway().String() + "/"
	stands := d.settings.of("url", "insteadof").named(base)
	if len(stands) == 0 {
		return wrong("git doesn't take the gateway for the forge, there is no url.%s.insteadOf: %s", base,
			d.unwired("let the platform write its variables, or its file (MutatorOptions.ConfigFile)"))
	}
	var names []string
	for _, s := range stands {
		names = append(names, s.value)
		if to := d.settings.rewritten(s.value + "owner/name"); !strings.HasPrefix(to, base) {
			return wrong("git goes past the gateway for %s, to %s: remove the longer insteadOf that says so",
				s.value, redactURL(to))
		}
	}
	for _, s := range d.settings.of("url", "pushinsteadof") {
		for _, name := range names {
			if s.value != "" && s.subsection() != base && (strings.HasPrefix(name, s.value) || strings.HasPrefix(s.value, name)) {
				return wrong("a url.<base>.pushinsteadof in %s has pushes to %s go past the gateway: remove it",
					s.where(d.Env), name)
			}
		}
	}
	if err := d.findBearer(); err != nil {
		return wrong("git has no bearer for the gateway: %s", err)
	}
	return ok("takes the gateway for %s", strings.Join(names, ", "))
}

// findBearer leaves what git sends the gateway: the header of its configuration,
// or what its helper reads.
func (d *diagnosis) findBearer() error {
	for _, s := range d.settings.of("http", "extraheader") {
		if d.isGatewayHeader(s) {
			bearer := secret.New(strings.TrimPrefix(s.value, bearerHeader))
			d.sent = platform.NewBearer(config.Endpoint{Bearer: bearer})
			return nil
		}
	}
	asked := slices.ContainsFunc(d.settings.of("credential", "helper"), func(s setting) bool {
		return s.value != "" && s.appliesTo(d.gatewayHost())
	})
	if !asked {
		return fmt.Errorf("neither http.%s/.extraHeader nor a helper for it is set: have the platform "+
			"write its variables, or its file (MutatorOptions.ConfigFile)", d.gateway())
	}
	e, err := config.Endpoint{}.WithBearer(d.Env)
	d.sent = platform.NewBearer(e)
	return err
}

// checkGatewayGH looks whether gh finds the gateway, and has the bearer for it.
func checkGatewayGH(ctx context.Context, d *diagnosis) finding {
	host, isShim := d.gatewayHost(), ghIsShim(d)
	if len(d.Programs("gh")) == 0 {
		return ok("there is no gh on the PATH")
	}
	switch set := strings.ToLower(d.Env("GH_HOST")); {
	case set == "" && !isShim:
		return wrong("gh doesn't know the gateway: have the platform set GH_HOST to %s", host)
	case set != "" && set != host:
		return wrong("gh goes to %s and not to the gateway: set GH_HOST to %s", set, host)
	}
	if problem := d.ghBearer(ctx, host, isShim); problem != "" {
		return wrong("%s", problem)
	}
	if (&url.URL{Host: host}).Port() != "" {
		return warn("the gateway is at a port of its own (%s), where gh finds no remote: git works, and "+
			"gh does for what its arguments name alone; have the gateway at port 443", host)
	}
	return ok("goes to %s with the workspace's bearer", host)
}

// ghBearer says what is wrong with what gh sends the gateway; "" when nothing
// is.
func (d *diagnosis) ghBearer(ctx context.Context, host string, isShim bool) string {
	var used string
	for _, name := range []string{"GITHUB_ENTERPRISE_TOKEN", "GH_ENTERPRISE_TOKEN"} { // the last one counts
		if value := d.Env(name); value != "" && !(isShim && ghshim.IsInjected(value)) {
			used = value
		}
	}
	path, login := ghshim.StoredLogin(d.Process, host)
	named := d.Env(wire.EnvBearerFile) != "" || d.Env(wire.EnvBearer) != ""
	var expected string
	if d.wait("gateway-git").status == statusOK {
		expected, _, _ = d.sent.Token(ctx)
	}
	switch {
	case used != "" && expected != "" && !secret.Equal(used, expected):
		return "GH_ENTERPRISE_TOKEN isn't the workspace's bearer, which the gateway takes: have the platform set it"
	case used != "", isShim && named:
		return ""
	case path != "" && expected != "" && !strings.Contains(string(login), expected):
		return "gh's login for the gateway in " + path + " isn't the workspace's bearer: run gh auth logout"
	case path != "":
		return ""
	case named:
		return "gh has no bearer for the gateway: the one in " + wire.EnvBearerFile + " it gets from the shim, " +
			"which " + install + " makes"
	}
	return "gh has no bearer for the gateway: GH_ENTERPRISE_TOKEN isn't set, and a program may filter variables " +
		"by name; have the platform write files instead (MutatorOptions.ConfigFile)"
}
