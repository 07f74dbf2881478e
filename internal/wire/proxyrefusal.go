package wire

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// ProxyRefusal is the error for a proxy that doesn't make the connection that it
// is asked for. net/http's own has nothing but the text of the proxy's answer.
type ProxyRefusal struct{ Status int }

// Error says that it was the proxy, and its status.
func (e *ProxyRefusal) Error() string { return fmt.Sprintf("the proxy answers %d", e.Status) }

// OnProxyConnect is an OnProxyConnectResponse of [http.Transport], which returns
// a [*ProxyRefusal].
func OnProxyConnect(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &ProxyRefusal{resp.StatusCode}
	}
	return nil
}
