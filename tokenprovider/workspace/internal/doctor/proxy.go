package doctor

import (
	"cmp"
	"context"
	"net/http"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

// checkProxy looks at the variables that name a proxy, before a way through it
// fails.
func checkProxy(_ context.Context, d *diagnosis) finding {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		if value := d.Env(name); value != "" && wire.ProxyHost(value) == "" {
			return wrong("%s isn't the URL of a proxy: correct it; in its user name and password a "+
				"%% has to be written as %%25, a # as %%23, a / as %%2F and an @ as %%40", name)
		}
	}
	used := cmp.Or(d.Env("HTTPS_PROXY"), d.Env("https_proxy"))
	switch all := cmp.Or(d.Env("ALL_PROXY"), d.Env("all_proxy")); {
	case used != "":
		return ok("HTTPS_PROXY is %s", wire.ProxyHost(used))
	case all != "":
		return warn("ALL_PROXY is %s, which git and curl use and this command doesn't: "+
			"set HTTPS_PROXY to the same", wire.ProxyHost(all))
	}
	return ok("none is set")
}

// refusedBy says what to do about that proxy, which answers with status when it is
// to let somebody through to host.
func refusedBy(proxy, host string, status int) finding {
	switch status {
	case http.StatusProxyAuthRequired:
		return wrong("the proxy %s asks for a user name and password (407): put them into "+
			"HTTPS_PROXY, as in http://USER:PASSWORD@%s", proxy, proxy)
	case http.StatusForbidden:
		return wrong("the proxy %s doesn't let this workspace through to %s (403): have whoever "+
			"runs it allow that host, or add the host to NO_PROXY", proxy, host)
	}
	return wrong("the proxy %s doesn't get through to %s (%d): have whoever runs it look why, "+
		"or add the host to NO_PROXY", proxy, host, status)
}
