package workspace

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	protocol "github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// checkURL looks at where the token is to come from.
func (d *diagnosis) checkURL(context.Context) finding {
	e, err := readURL(d.Env)
	if err != nil {
		return wrong("%s", err)
	}
	u, err := url.Parse(e.url)
	if err != nil { // readURL has parsed it
		return wrong("%s is not a URL", tokenhttp.EnvTokenURL)
	}
	shown := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String() // a query may hold a secret
	if strings.Contains(u.Path, "//") {
		return wrong("%s is %s, with nothing between two slashes: the id of the workspace was empty when it was made", tokenhttp.EnvTokenURL, shown)
	}
	d.platformURL = e
	return ok("%s", shown)
}

// checkPlatform looks whether anything answers there, with a request that holds no secret and can't mint a token.
func (d *diagnosis) checkPlatform(ctx context.Context) finding {
	d.wire = newWire()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, d.platformURL.url, http.NoBody)
	if err != nil {
		return wrong("%s can't be requested", tokenhttp.EnvTokenURL)
	}
	req.Header.Set("User-Agent", userAgent())
	through := ""
	if proxy, err := d.wire.transport.Proxy(req); err == nil && proxy != nil {
		through = proxy.Host
	}
	resp, err := d.wire.RoundTrip(req)
	if err != nil {
		return unreachable(err, req.URL.Host, through)
	}
	resp.Body.Close()
	if through != "" {
		return ok("%s answers, through the proxy %s", req.URL.Host, through)
	}
	return ok("%s answers", req.URL.Host)
}

// unreachable says why nothing answers at host.
func unreachable(err error, host, through string) finding {
	if through != "" {
		if dial, isDial := errors.AsType[*net.OpError](err); isDial && dial.Op == "proxyconnect" {
			return wrong("the proxy %s can't be reached: correct HTTPS_PROXY, or add the platform's host to NO_PROXY", through)
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
		return wrong("the name of %s can't be resolved: correct %s, or this machine's DNS", host, tokenhttp.EnvTokenURL)
	case isAuthority:
		return wrong("the certificate of %s is signed by an authority that this machine doesn't know: "+
			"add that to its certificates, or name its file in SSL_CERT_FILE", host)
	case isName:
		return wrong("the certificate of %s is for another name: correct %s, or the platform's certificate", host, tokenhttp.EnvTokenURL)
	case isInvalid && invalid.Reason == x509.Expired:
		return wrong("the certificate of %s has expired or isn't valid yet: renew it on the platform, or set this machine's clock", host)
	case isRecord:
		return wrong("%s doesn't speak TLS: correct the port in %s", host, tokenhttp.EnvTokenURL)
	case errors.Is(err, syscall.ECONNREFUSED):
		return wrong("%s refuses connections: the platform is down, or the port in %s is wrong", host, tokenhttp.EnvTokenURL)
	case isNet && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return wrong("%s doesn't answer in time: a firewall may stand between, or the platform hangs", host)
	}
	return wrong("%s gives no answer to HTTP: look whether the platform is up and reachable from here", host)
}

const (
	skewWarning = 30 * time.Second
	skewError   = 5 * time.Minute
)

// checkClock compares this machine's clock with the platform's: expiry times come from there.
func (d *diagnosis) checkClock(context.Context) finding {
	skew := d.wire.skew.Load()
	if skew == nil {
		return ok("not compared: the platform's answer has no Date")
	}
	way := "behind"
	if *skew < 0 {
		way = "ahead of"
	}
	text := fmt.Sprintf("this machine's clock is %s %s the platform's", skew.Abs().Round(time.Second), way)
	switch {
	case skew.Abs() > skewError:
		return wrong("%s: set it, or tokens seem to expire too early or too late", text)
	case skew.Abs() > skewWarning:
		return warn("%s: set it", text)
	}
	return ok("within %s of the platform's", skewWarning)
}

// answer is what the endpoint said to the request for a token.
type answer struct {
	err    error
	status int  // 0: none
	isJSON bool // as the endpoint's own are
}

// checkAccess asks the endpoint for a token, past all that is kept on disk, and looks whether it takes the bearer.
func (d *diagnosis) checkAccess(ctx context.Context) finding {
	client := &tokenhttp.Client{
		URL: d.platformURL.url, Bearer: d.used, AllowHTTP: d.platformURL.allowHTTP, UserAgent: userAgent(),
		HTTPClient: &http.Client{Transport: d.wire},
	}
	d.wire.last.Store(&answer{})
	_, _, err := client.Token(tokenprovider.WithMinTTL(ctx, gitcredential.DefaultMinTTL))
	d.asked = *d.wire.last.Load()
	d.asked.err = err
	c, readErr := d.used.current(ctx)
	switch {
	case readErr != nil:
		return wrong("the bearer was there and isn't any more: %s", readErr)
	case d.asked.status == http.StatusUnauthorized && c.expired(time.Now()):
		return wrong("the bearer expired at %s: restart the workspace, or have the platform write a new one",
			c.expiresAt.UTC().Format(time.RFC3339))
	case d.asked.status == http.StatusUnauthorized:
		return wrong("the platform refuses the bearer (401): it was issued by another platform, or with a key that is gone; " +
			"restart the workspace to get a new one")
	case d.asked.status == http.StatusForbidden:
		return d.forbidden(c)
	}
	if err != nil {
		return ok("the platform doesn't refuse the bearer")
	}
	return ok("the platform takes the bearer")
}

// forbidden says what the platform may have against a bearer that it knows.
func (d *diagnosis) forbidden(c credential) finding {
	subject, isJWT := strings.CutPrefix(c.subject, "sub:")
	if id, ok := workspaceID(d.platformURL.url); ok && isJWT && id != subject {
		return wrong("the bearer is of workspace %q and %s asks for the token of %q (403): correct the one or the other",
			subject, tokenhttp.EnvTokenURL, id)
	}
	return wrong("the platform gives this workspace no token (403): its policy forbids it, or it counts the workspace as released; ask its operator")
}

// workspaceID is the id in the URL of a workspace's token.
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
func (d *diagnosis) checkEndpoint(context.Context) finding {
	code := tokenprovider.CodeOf(d.asked.err)
	status := fmt.Sprintf("%d, %s", d.asked.status, code)
	switch {
	case d.asked.err == nil:
		return ok("hands out tokens")
	case d.asked.status == 0:
		return wrong("the answer broke off: look at what stands between here and the platform")
	case d.asked.status == http.StatusOK:
		return wrong("what answers at %s isn't a token endpoint, or its token is dead: %s", tokenhttp.EnvTokenURL, d.asked.err)
	case code == tokenprovider.CodeNotConfigured:
		return wrong("the platform has no tokens to hand out (%s): its operator has to configure a provider", status)
	case d.asked.status == http.StatusNotFound && code == tokenprovider.CodeNotFound:
		return wrong("the platform has no such endpoint (%s): %s has to end in /workspaces/ID/token", status, tokenhttp.EnvTokenURL)
	case d.asked.status == http.StatusTooManyRequests:
		return wrong("the platform asks this workspace to wait (%s): find out what asks it for tokens so often", status)
	case d.asked.status < http.StatusBadRequest:
		return wrong("%s redirects (%d), and that is never followed: set it to where the endpoint is", tokenhttp.EnvTokenURL, d.asked.status)
	case !d.asked.isJSON:
		return wrong("no token endpoint but something else answered (%d): correct %s, or look at what stands before the platform",
			d.asked.status, tokenhttp.EnvTokenURL)
	}
	return wrong("the platform has no token (%s): %s", status, code.Message())
}

// wire is the transport of the command, and remembers what came over it.
type wire struct {
	transport *http.Transport
	skew      atomic.Pointer[time.Duration] // of the platform's clock to this one, if the answer told
	last      atomic.Pointer[answer]
}

func newWire() *wire { return &wire{transport: protocol.NewTransport()} }

// RoundTrip implements [http.RoundTripper].
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := time.Now()
	resp, err := w.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		// It counts whole seconds, and is of some time between the two.
		skew := date.Add(time.Second / 2).Sub(sent.Add(now.Sub(sent) / 2))
		w.skew.Store(&skew)
	}
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	w.last.Store(&answer{status: resp.StatusCode, isJSON: mediaType == "application/json"})
	return resp, nil
}

// close ends the connections that are kept open. The nil wire has none.
func (w *wire) close() {
	if w != nil {
		w.transport.CloseIdleConnections()
	}
}
