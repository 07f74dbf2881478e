package wire

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// ProxyHost returns the host and port in the value of a variable for a proxy; ""
// if it can't be read. net/http takes such a value for none and goes past the
// proxy, without a word.
func ProxyHost(value string) string {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return ""
	}
	return u.Host
}

// ProxyRefusal is the error for a proxy that doesn't make the connection that it
// is asked for. net/http's own has nothing but the text of the proxy's answer.
type ProxyRefusal struct {
	Proxy  string // host and port, without a password
	Status int
}

// Error says that it was the proxy, and its status.
func (e *ProxyRefusal) Error() string {
	return fmt.Sprintf("the proxy %s answers %d", e.Proxy, e.Status)
}

// OnProxyConnect is an OnProxyConnectResponse of [http.Transport], which returns
// a [*ProxyRefusal].
func OnProxyConnect(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &ProxyRefusal{proxy.Host, resp.StatusCode}
	}
	return nil
}
