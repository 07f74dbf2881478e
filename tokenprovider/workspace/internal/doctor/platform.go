package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/self"
)

// checkURL looks at where the token is to come from.
func checkURL(_ context.Context, d *diagnosis) finding {
	e, err := config.ReadURL(d.Env)
	if err != nil && d.Env(wire.EnvURL) == "" {
		return wrong("%s%s", err, filtered(d, wire.EnvBearerFile, wire.EnvBearer, wire.EnvHosts))
	}
	if err != nil {
		return wrong("%s", err)
	}
	u, err := url.Parse(e.URL)
	if err != nil { // ReadURL has parsed it
		return wrong("%s is not a URL", wire.EnvURL)
	}
	// A query may hold a secret.
	shown := &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	if strings.Contains(u.Path, "//") {
		return wrong("%s is %s, with nothing between two slashes: "+
			"the id of the workspace was empty when it was made", wire.EnvURL, shown)
	}
	d.endpoint = e
	return ok("%s", shown)
}

// checkPlatform looks whether anything answers there, with a request that holds
// no secret and can't mint a token.
func checkPlatform(ctx context.Context, d *diagnosis) finding {
	d.observer = newObserver()
	return d.reach(ctx, d.observer, d.endpoint.URL, wire.EnvURL)
}

// reach looks whether anything answers at the URL that the variable names, with
// a request that holds no secret.
func (d *diagnosis) reach(ctx context.Context, o *observer, url, variable string) finding {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, http.NoBody)
	if err != nil {
		return wrong("%s can't be requested", variable)
	}
	req.Header.Set("User-Agent", self.UserAgent())
	through := ""
	if proxy, err := o.transport.Proxy(req); err == nil && proxy != nil {
		through = proxy.Host
	}
	resp, err := o.RoundTrip(req)
	if err != nil {
		found := unreachable(err, req.URL.Host, through, variable)
		if through == "" && d.wait("proxy").status == statusWarning {
			found.message += "; a proxy may be the only way to it: see proxy"
		}
		return found
	}
	resp.Body.Close()
	if through != "" {
		return ok("%s answers, through the proxy %s", req.URL.Host, through)
	}
	return ok("%s answers", req.URL.Host)
}

// unreachable says why nothing answers at host, which the variable names.
func unreachable(err error, host, through, variable string) finding {
	if through != "" {
		if refusal, isRefusal := errors.AsType[*wire.ProxyRefusal](err); isRefusal {
			return refusedBy(through, host, refusal.Status)
		}
		if dial, isDial := errors.AsType[*net.OpError](err); isDial && dial.Op == "proxyconnect" {
			return wrong("the proxy %s can't be reached: correct HTTPS_PROXY, "+
				"or add the platform's host to NO_PROXY", through)
		}
		host += ", through the proxy " + through + ","
	}
	_, isRecord := errors.AsType[tls.RecordHeaderError](err)
	_, isAuthority := errors.AsType[x509.UnknownAuthorityError](err)
	_, isName := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case isDNS && dns.IsNotFound:
		return wrong("the name of %s can't be resolved: correct %s, or this machine's DNS",
			host, variable)
	case isAuthority:
		return wrong("the certificate of %s is signed by an authority that this machine doesn't "+
			"know: add that to its certificates, or name its file in SSL_CERT_FILE", host)
	case isName:
		return wrong("the certificate of %s is for another name: correct %s, "+
			"or the platform's certificate", host, variable)
	case isInvalid && invalid.Reason == x509.Expired:
		return wrong("the certificate of %s has expired or isn't valid yet: "+
			"renew it on the platform, or set this machine's clock", host)
	case isRecord:
		return wrong("%s doesn't speak TLS: correct the port in %s", host, variable)
	case errors.Is(err, syscall.ECONNREFUSED):
		return wrong("%s refuses connections: the platform is down, or the port in %s is wrong",
			host, variable)
	case isNet && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return wrong("%s doesn't answer in time: a firewall may stand between, "+
			"or the platform hangs", host)
	}
	return wrong("%s gives no answer to HTTP: look whether the platform is up and "+
		"reachable from here", host)
}

const (
	skewWarning = 30 * time.Second
	skewError   = 5 * time.Minute
)

// checkClock compares this machine's clock with the platform's: expiry times
// come from there.
func checkClock(_ context.Context, d *diagnosis) finding {
	skew := d.observer.skew.Load()
	if skew == nil {
		return ok("not compared: the platform's answer has no Date")
	}
	way := "behind"
	if *skew < 0 {
		way = "ahead of"
	}
	text := fmt.Sprintf("this machine's clock is %s %s the platform's",
		skew.Abs().Round(time.Second), way)
	switch {
	case skew.Abs() > skewError:
		return wrong("%s: set it, or tokens seem to expire too early or too late", text)
	case skew.Abs() > skewWarning:
		return warn("%s: set it", text)
	}
	return ok("within %s of the platform's", skewWarning)
}
