package doctor

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/self"
)

// gateway returns the URL of the gateway; an empty one where there is none, or
// where the check of that name says what is wrong with it.
func (d *diagnosis) gateway() *url.URL {
	if base, err := config.ReadGateway(d.Env); err == nil && base != nil {
		return base
	}
	return &url.URL{}
}

// gatewayHost returns the gateway's host, with a port that isn't https's own; ""
// for none.
func (d *diagnosis) gatewayHost() string { return d.gateway().Host }

// checkGateway looks whether a gateway answers where the platform says that it
// is.
func checkGateway(ctx context.Context, d *diagnosis) finding {
	base, err := config.ReadGateway(d.Env)
	if err != nil {
		return wrong("%s", err)
	}
	o := newObserver()
	defer o.transport.CloseIdleConnections()
	found := d.reach(ctx, o, base.String()+"/", wire.EnvGateway)
	if found.status != statusOK {
		return found
	}
	switch got := o.last.Load(); got.status {
	case http.StatusUnauthorized: // nobody may know more
		return found
	case http.StatusMisdirectedRequest:
		return wrong("what answers at %s is a gateway of another name: correct %s, or have what "+
			"stands before it leave Host alone", base.Host, wire.EnvGateway)
	default:
		return wrong("no gateway but something else answered (%d, %s): correct %s, or look at what "+
			"stands before the gateway, as a login, a firewall or a proxy with a list of hosts",
			got.status, got.media, wire.EnvGateway)
	}
}

// checkGatewayAccess looks whether the gateway takes the bearer that git sends
// it. What is asked for isn't there, so that the forge isn't asked.
func checkGatewayAccess(ctx context.Context, d *diagnosis) finding {
	used, err := d.sent.Credential(ctx)
	if err != nil {
		return wrong("the bearer for the gateway can't be read: %s", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.gateway().String()+"/", http.NoBody)
	if err != nil {
		return wrong("%s can't be requested", wire.EnvGateway)
	}
	req.Header.Set("User-Agent", self.UserAgent())
	req.Header.Set("Authorization", "Bearer "+used.Value.Reveal())
	o := newObserver()
	defer o.transport.CloseIdleConnections()
	resp, err := o.RoundTrip(req)
	if err != nil {
		return unreachable(err, req.URL.Host, "", wire.EnvGateway)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized:
		return refusedBearer("gateway", used, time.Now())
	case status == http.StatusForbidden && strings.Contains(string(said), wire.NotAdmitted):
		return wrong("the gateway doesn't let this workspace in (403): the platform counts it as " +
			"released, or as started anew since it wrote the bearer; ask its operator")
	case status == http.StatusTooManyRequests:
		return wrong("the platform asks this workspace to wait (429): find out what asks the gateway so often")
	case status >= http.StatusInternalServerError:
		return wrong("the gateway can't decide about this workspace (%d): have the platform's operator "+
			"look at its log", status)
	}
	return ok("the gateway takes the bearer")
}

// gatewayRefusal says what is behind a failure for the repository of that name,
// of which git said that.
func gatewayRefusal(said, host, name string) finding {
	if proxy := regexp.MustCompile(proxyStatus).FindStringSubmatch(said); proxy != nil {
		return refusal(said, host, name)
	}
	status := statusIn(said)
	switch {
	case strings.Contains(said, "certificate"):
		return wrong("git doesn't trust the certificate of %s: name the file of its authority in "+
			"GIT_SSL_CAINFO or http.sslCAInfo", host)
	case strings.Contains(said, "Authentication failed"), status == "401":
		return wrong("%s refuses the bearer that git sends (401): see gateway-git and headers", host)
	case status == "403":
		return wrong("%s refuses %s to this workspace (403): run git ls-remote origin, which shows why "+
			"the platform's policy does", host, name)
	case strings.Contains(said, "not found"), status == "404":
		return wrong("the forge behind %s has no %s for the platform's token (404): correct the URL of "+
			"origin, or have the platform's operator add the repository", host, name)
	case status != "no status":
		return wrong("%s answers git with %s for %s: have the platform's operator look at its log", host, status, name)
	}
	return wrong("git gets no answer of %s: run git ls-remote origin to see why", host)
}
