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
// Its idle connections end by themselves, and a kept one that is dead is found
// out while the first call waits on it.
func NewTransport() *http.Transport {
	return &http.Transport{
		HTTP2:                  HealthCheck(5 * time.Second),
		Proxy:                  proxy,
		OnProxyConnectResponse: OnProxyConnect,
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

// HealthCheck returns the configuration of HTTP/2 that finds out within a time
// that a connection is dead. Nobody says so where a firewall or a balancer lost
// its state: without pings all requests go over that connection until the
// kernel gives up, after a quarter of an hour.
func HealthCheck(within time.Duration) *http.HTTP2Config {
	return &http.HTTP2Config{SendPingTimeout: within / 2, PingTimeout: within / 2}
}
