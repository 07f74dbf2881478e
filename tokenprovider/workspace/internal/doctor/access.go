package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/platform"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/self"
)

// checkAccess asks the endpoint for a token, and looks whether it takes the
// bearer.
func checkAccess(ctx context.Context, d *diagnosis) finding {
	client := &tokenhttp.Client{
		URL: d.endpoint.URL, AllowHTTP: d.endpoint.AllowHTTP, Bearer: d.bearer,
		HTTPClient: &http.Client{Transport: d.observer}, UserAgent: self.UserAgent(),
	}
	d.observer.last.Store(&answer{})
	_, _, err := client.Token(tokenprovider.WithMinTTL(ctx, gitcredential.DefaultMinTTL))
	d.asked = *d.observer.last.Load()
	d.asked.err = err
	used, readErr := d.bearer.Credential(ctx)
	switch {
	case readErr != nil:
		return wrong("the bearer was there and isn't any more: %s", readErr)
	case d.asked.status != 0 && d.asked.err != nil && !d.asked.isJSON:
		return ok("not known: the answer isn't the platform's")
	case d.asked.status == http.StatusUnauthorized:
		return refusedBearer("platform", used, time.Now())
	case d.asked.status == http.StatusForbidden:
		return forbidden(d.endpoint.URL, used)
	}
	if err != nil {
		return ok("the platform doesn't refuse the bearer")
	}
	return ok("the platform takes the bearer")
}

// forbidden says what the platform may have against a bearer that it knows.
func forbidden(endpoint string, used platform.Credential) finding {
	if id, ok := workspaceID(endpoint); ok && used.Issuer == "" && used.Subject != "" && id != used.Subject {
		return wrong("the bearer is of workspace %q and %s asks for the token of %q (403): "+
			"correct the one or the other", used.Subject, wire.EnvURL, id)
	}
	return wrong("the platform gives this workspace no token (403): its policy forbids it, " +
		"or it counts the workspace as released; ask its operator")
}

// workspaceID returns the id in the URL of a workspace's token.
func workspaceID(raw string) (string, bool) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", false
	}
	segments := strings.Split(u.EscapedPath(), "/")
	if len(segments) < 3 || segments[len(segments)-3] != "workspaces" {
		return "", false
	}
	id, err := url.PathUnescape(segments[len(segments)-2])
	return id, err == nil
}

// checkEndpoint looks at the answer to what access asked.
func checkEndpoint(_ context.Context, d *diagnosis) finding {
	code := tokenprovider.CodeOf(d.asked.err)
	status := fmt.Sprintf("%d, %s", d.asked.status, code)
	switch {
	case d.asked.err == nil:
		return ok("hands out tokens")
	case d.asked.status == 0:
		return wrong("the answer broke off: look at what stands between here and the platform")
	case d.asked.status == http.StatusOK:
		return wrong("what answers at %s isn't a token endpoint, or its token is dead: %s",
			wire.EnvURL, d.asked.err)
	case code == tokenprovider.CodeNotConfigured:
		return wrong("the platform has no tokens to hand out (%s): "+
			"its operator has to configure a provider", status)
	case d.asked.status == http.StatusNotFound && code == tokenprovider.CodeNotFound:
		return wrong("the platform has no such endpoint (%s): %s has to end in /workspaces/ID/token",
			status, wire.EnvURL)
	case d.asked.status == http.StatusTooManyRequests:
		return wrong("the platform asks this workspace to wait (%s): "+
			"find out what asks it for tokens so often", status)
	case d.asked.status < http.StatusBadRequest:
		return wrong("%s redirects (%d), and that is never followed: "+
			"set it to where the endpoint is", wire.EnvURL, d.asked.status)
	case !d.asked.isJSON:
		return wrong("no token endpoint but something else answered (%d, %s): correct %s, which ends in "+
			"/workspaces/ID/token, or look at what stands before the platform, as a login, a firewall "+
			"or a proxy with a list of hosts", d.asked.status, d.asked.media, wire.EnvURL)
	}
	return wrong("the platform has no token (%s): %s", status, code.Message())
}
