package doctor

import (
	"cmp"
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// checkForge has git ask origin what its HEAD is, and tells what the forge
// answers.
func checkForge(ctx context.Context, d *diagnosis) finding {
	remote := d.settings.of("remote", "url").named("origin")
	if len(remote) == 0 {
		return skipped("not asked: the repository has no remote origin")
	}
	raw := d.settings.rewritten(remote[0].value) // the first one is fetched from
	u, err := url.Parse(raw)
	if t := parseTarget(raw); err != nil || t.scheme != "https" || !slices.Contains(d.served, t.host) {
		return skipped("not asked: origin isn't https at %s", strings.Join(d.served, ", "))
	}
	name := strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
	atGateway := u.Host == d.gatewayHost()
	if host := parseTarget(raw).host; slices.Contains(d.pulled, host) && d.settings.tellPath(host) {
		if _, err := get(ctx, d, host, strings.Trim(u.Path, "/")); err != nil {
			return wrong("git gets no token for %s: %s", name, err)
		}
	}
	if u.User == nil && !atGateway {
		// With a user name git doesn't ask as nobody first, to whom a forge
		// gives what is public.
		u.User = url.User(cmp.Or(d.username, gitcredential.DefaultUsername))
	}
	_, said, err := d.say(ctx, "ls-remote", u.String(), "HEAD")
	if err == nil && atGateway {
		return ok("%s lets this workspace in for %s", u.Host, name)
	}
	if err == nil {
		return ok("%s takes the token for %s", u.Host, name)
	}
	if ctx.Err() != nil {
		return wrong("%s doesn't answer git in time: a firewall may stand between", u.Host)
	}
	if atGateway {
		return gatewayRefusal(said, u.Host, name)
	}
	return refusal(said, u.Host, name)
}

const (
	proxyStatus = `(?:CONNECT tunnel failed, response |HTTP code )(\d{3})`
	forgeStatus = `returned error: (\d{3})`
)

// statusIn returns the status that git said it was answered with.
func statusIn(said string) string {
	if match := regexp.MustCompile(forgeStatus).FindStringSubmatch(said); match != nil {
		return match[1]
	}
	return "no status"
}

// refusal says what is behind a failure for the repository of that name, of
// which git said that.
func refusal(said, host, name string) finding {
	if proxy := regexp.MustCompile(proxyStatus).FindStringSubmatch(said); proxy != nil {
		return wrong("git's proxy doesn't let it through to %s (%s): have whoever runs the proxy "+
			"allow that host", host, proxy[1])
	}
	status := statusIn(said)
	switch {
	case strings.Contains(said, "IP allow list"):
		return wrong("%s refuses %s to this workspace's address (403, IP allow list): have the "+
			"organization's owner add the address by which workspaces go out", host, name)
	case strings.Contains(said, "Authentication failed"), status == "401":
		return wrong("%s refuses the token for %s (401), and git has reported that to the "+
			"platform: run this again; if it stays, the forge's policy refuses the platform's "+
			"app, or that is suspended: ask the platform's operator", host, name)
	case strings.Contains(said, "not found"), status == "404":
		return wrong("%s has no %s for this token (404): correct the URL of origin, or have the "+
			"platform's operator add the repository to what the token reaches", host, name)
	case status == "403":
		return wrong("%s forbids %s to this token (403): it lacks a permission, or an organization's "+
			"policy or a suspension stands against it; ask the platform's operator", host, name)
	case status != "no status":
		return wrong("%s answers git with %s for %s: look at the forge's status page", host, status, name)
	}
	return wrong("git gets no answer of %s: run git ls-remote origin to see why", host)
}
