package wire

import (
	"net/http"
	"net/url"
	"time"
)

// MaxAnswer bounds an answer of the platform's, its headers and its body, in
// bytes.
const MaxAnswer = 64 << 10

// NewTransport returns a transport for calls of the platform from a workspace.
// Its idle connections end by themselves.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  proxy,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    5 * time.Second,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: MaxAnswer,
		DisableCompression:     true,
	}
}

// proxy returns the proxy of the environment for https, which it tunnels. Of http
// it would read the bearer and the token, and whoever allows http to the endpoint
// hasn't allowed it to a proxy.
func proxy(req *http.Request) (*url.URL, error) {
	if req.URL.Scheme != "https" {
		return nil, nil
	}
	return http.ProxyFromEnvironment(req)
}
