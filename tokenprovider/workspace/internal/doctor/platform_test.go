package doctor_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// at moves the URL of the token to another scheme and host.
func (p *patient) at(base string) {
	u, _ := url.Parse(p.Env["PROVISIONKIT_URL"])
	p.Env["PROVISIONKIT_URL"] = base + u.Path
}

// refusing is an address where nobody listens: no listener that asks for any
// free port gets this one.
const refusing = "127.0.0.1:1"

func tokenURL(value string) func(*testing.T, *patient) {
	return func(_ *testing.T, p *patient) { p.Env["PROVISIONKIT_URL"] = value }
}

// answers makes the platform answer every request but the one that only looks
// whether it is there.
func answers(status int, header, body string) func(*testing.T, *patient) {
	return func(_ *testing.T, p *patient) {
		p.platform.On(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodHead {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			if name, value, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return true
		})
	}
}

// serves makes the platform hand out the provider's tokens.
func serves(provider tokenprovider.TokenProvider, opts *tokenhttp.Options) func(*testing.T, *patient) {
	return func(t *testing.T, p *patient) {
		handler, err := tokenhttp.NewHandler(workspacetest.Only(provider), p.platform.Key, opts)
		require.NoError(t, err)
		p.platform.On(func(w http.ResponseWriter, r *http.Request) bool { handler.ServeHTTP(w, r); return true })
	}
}

// clockOff makes the platform's clock differ by d.
func clockOff(d time.Duration) func(*testing.T, *patient) {
	return func(_ *testing.T, p *patient) {
		p.platform.On(func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Date", time.Now().Add(d).UTC().Format(http.TimeFormat))
			return false
		})
	}
}

// overTLS serves the platform with a certificate for that name until then.
func (p *patient) overTLS(t *testing.T, name string, until time.Time) *httptest.Server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name},
		NotBefore: until.Add(-24 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(p.platform.Server.Config.Handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.Config.ErrorLog = quiet
	server.StartTLS()
	t.Cleanup(server.Close)
	p.at(server.URL)
	return server
}

var platformBreakages = []breakage{
	{
		name: "no URL", do: tokenURL(""), check: "url",
		says: "PROVISIONKIT_URL isn't set: it has to be the URL of the platform's token endpoint, and sudo, ssh and cron drop it",
	},
	{
		name: "a URL that got lost beside the bearer", do: tokenURL(""), check: "url",
		says: "since PROVISIONKIT_BEARER is set, what started this program may filter variables by name",
	},
	{
		name: "a proxy whose password isn't escaped", check: "proxy",
		do:   set("HTTPS_PROXY", "http://user:hunter2%ss@proxy.example:3128"),
		says: "HTTPS_PROXY isn't the URL of a proxy",
	},
	{
		name: "a proxy whose password has a hash", check: "proxy",
		do:   set("https_proxy", "http://user:hunter2#ss@proxy.example:3128"),
		says: "https_proxy isn't the URL of a proxy",
	},
	{
		name: "a proxy at no port", check: "proxy", do: set("all_proxy", "proxy.example:31x28"),
		says: "all_proxy isn't the URL of a proxy",
	},
	{
		name: "a proxy for git alone", check: "proxy", status: "warning",
		do:   set("ALL_PROXY", "socks5h://user:hunter2@proxy.example:3128"),
		says: "ALL_PROXY is proxy.example:3128, which git and curl use and this command doesn't",
	},
	{
		name: "a proxy that is named without a scheme", check: "proxy", status: "ok",
		do:   set("HTTPS_PROXY", "user:hunter2@proxy.example:3128"),
		says: "HTTPS_PROXY is proxy.example:3128",
	},
	{
		name: "a URL that is none", do: tokenURL("platform.example/token"), check: "url",
		says: "not an absolute URL",
	},
	{
		name: "http to another machine",
		do:   tokenURL("http://platform.example/workspaces/ws-1/token"), check: "url",
		says: "PROVISIONKIT_ALLOW_HTTP=1",
	},
	{
		name: "a URL with a password", do: tokenURL("https://x:hunter2@platform.example/token"),
		check: "url", says: "user name or password",
	},
	{
		name: "a URL made of an empty workspace id",
		do:   tokenURL("https://platform.example/workspaces//token?key=hunter2"), check: "url",
		says: "is https://platform.example/workspaces//token, with nothing between two slashes",
	},
	{
		name:  "a query that nobody needs to see",
		do:    func(_ *testing.T, p *patient) { p.Env["PROVISIONKIT_URL"] += "?key=hunter2" },
		check: "url", status: "ok", says: "/workspaces/ws-1/token",
	},
	{
		name: "a name that can't be resolved",
		do:   tokenURL("https://platform..example/workspaces/ws-1/token"), check: "platform",
		says: "the name of platform..example can't be resolved",
	},
	{
		name: "a platform that is down",
		do:   func(_ *testing.T, p *patient) { p.at("http://" + refusing) }, check: "platform",
		says: "refuses connections",
	},
	{
		name: "a certificate of nobody known",
		do: func(t *testing.T, p *patient) {
			p.overTLS(t, "127.0.0.1", time.Now().Add(time.Hour))
		},
		check: "platform", says: "an authority that this machine doesn't know",
	},
	{
		name: "a certificate that has expired",
		do: func(t *testing.T, p *patient) {
			p.overTLS(t, "127.0.0.1", time.Now().Add(-time.Hour))
		},
		check: "platform", says: "has expired or isn't valid yet",
	},
	{
		name: "a certificate for another name",
		do: func(t *testing.T, p *patient) {
			p.overTLS(t, "platform.example", time.Now().Add(time.Hour))
		},
		check: "platform", says: "is for another name",
	},
	{
		name: "https to a port that speaks http",
		do: func(_ *testing.T, p *patient) {
			p.at("https" + strings.TrimPrefix(p.platform.Server.URL, "http"))
		},
		check: "platform", says: "doesn't speak TLS",
	},
	{
		name: "something that hangs up",
		do: func(t *testing.T, p *patient) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			t.Cleanup(func() { listener.Close() })
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					conn.Close()
				}
			}()
			p.at("http://" + listener.Addr().String())
		},
		check: "platform", says: "gives no answer to HTTP",
	},
	{
		name: "a clock a minute behind", do: clockOff(time.Minute), check: "clock",
		status: "warning", says: "this machine's clock is 1m",
	},
	{
		name: "a clock ten minutes behind", do: clockOff(10 * time.Minute), check: "clock",
		says: "behind the platform's: set it",
	},
	{
		name: "a clock ten minutes ahead", do: clockOff(-10 * time.Minute), check: "clock",
		says: "ahead of the platform's: set it",
	},
	{
		name: "a bearer of another platform",
		do: func(t *testing.T, p *patient) {
			p.Env["PROVISIONKIT_BEARER"] = newPlatformKey(t).issue(t)
		},
		check: "access", says: "the platform refuses the bearer (401)",
	},
	{
		name: "a bearer of another workspace",
		do: func(t *testing.T, p *patient) {
			p.Env["PROVISIONKIT_BEARER"] = p.platform.Bearer(t, "ws-2", time.Hour)
		},
		check: "access",
		says:  `the bearer is of workspace "ws-2" and PROVISIONKIT_URL asks for the token of "ws-1" (403)`,
	},
	{
		name: "a workspace that was released",
		do: serves(&workspacetest.Mint{Life: time.Hour}, &tokenhttp.Options{
			Admit: func(context.Context, tokenhttp.Principal) error {
				return tokenhttp.ErrForbidden
			},
		}),
		check: "access", says: "gives this workspace no token (403)",
	},
	{
		name: "a platform without tokens", do: serves(nil, nil), check: "endpoint",
		says: "its operator has to configure a provider",
	},
	{
		name:  "a path that the platform doesn't have",
		do:    func(_ *testing.T, p *patient) { p.Env["PROVISIONKIT_URL"] += "s" },
		check: "endpoint", says: "has to end in /workspaces/ID/token",
	},
	{
		name: "a 404 of something else",
		do:   answers(404, "Content-Type: text/html", "<html>hunter2"), check: "endpoint",
		says: "something else answered (404, text/html)",
	},
	{
		name: "a proxy's 502", do: answers(502, "Content-Type: text/html", "<html>hunter2"),
		check: "endpoint", says: "something else answered (502, text/html)",
	},
	{
		name: "a page of a firewall's", check: "endpoint",
		do:   answers(403, "Content-Type: text/html; charset=utf-8", "<html>hunter2"),
		says: "something else answered (403, text/html; charset=utf-8)",
	},
	{
		name: "a login that stands before the platform", check: "endpoint",
		do:   answers(401, "Content-Type: text/plain", "hunter2"),
		says: "something else answered (401, text/plain)",
	},
	{
		name: "a platform whose key was refused",
		do: serves(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeUnauthenticated, Err: errors.New("hunter2")}
		}), nil),
		check: "endpoint", says: "the platform has no token (500, unauthenticated): ",
	},
	{
		name:  "a platform that limits",
		do:    answers(429, "Retry-After: 60", `{"error":"hunter2","code":"rate_limited"}`),
		check: "endpoint",
		says:  "asks this workspace to wait (429, rate_limited)",
	},
	{
		name: "a redirect", do: answers(302, "Location: https://hunter2.example", ""),
		check: "endpoint", says: "redirects (302)",
	},
	{
		name: "a login page", do: answers(200, "Content-Type: text/html", "<html>hunter2"),
		check: "endpoint", says: "it is not JSON",
	},
	{
		name:  "a dead token",
		do:    answers(200, "", `{"token":"ghs_dead","expires_at":"2020-01-01T00:00:00Z","username":"x"}`),
		check: "endpoint",
		says:  "expired at 2020-01-01T00:00:00Z by this machine's clock",
	},
}

func TestDoctorTellsWhatIsWrongWithThePlatform(t *testing.T) { diagnose(t, platformBreakages) }

// anotherKey issues bearers that the platform of a test doesn't know.
type anotherKey struct{ *tokenhttp.WorkspaceKey }

func newPlatformKey(t *testing.T) anotherKey {
	t.Helper()
	key, err := tokenhttp.NewWorkspaceKey([]byte("another key, of more than 32 bytes"))
	require.NoError(t, err)
	return anotherKey{key}
}

func (k anotherKey) issue(t *testing.T) string {
	t.Helper()
	bearer, err := k.Issue("ws-1", time.Hour)
	require.NoError(t, err)
	return bearer
}

// TestAProxyInTheWayIsNamed runs the built command, since a process reads the
// settings of its proxy once.
func TestAProxyInTheWayIsNamed(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	server := p.overTLS(t, "platform.example", time.Now().Add(time.Hour))
	p.at("https://platform.example")
	p.Env["SSL_CERT_FILE"] = testutil.CertificateFile(t, server)

	tunnels := testutil.NewTunnels(t, map[string]string{"platform.example:443": server.Listener.Addr().String()})
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Host {
		case "password.example:443":
			w.WriteHeader(http.StatusProxyAuthRequired)
		case "away.example:443":
			w.WriteHeader(http.StatusGatewayTimeout)
		default:
			tunnels.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(proxy.Close)
	address := strings.TrimPrefix(proxy.URL, "http://")
	p.Env["HTTPS_PROXY"] = "http://user:hunter2@" + address

	d := p.read(t, start(t, p.Env, "", "doctor", "--json"))
	require.True(t, d.OK, "%+v", d)
	require.Equal(t, "platform.example answers, through the proxy "+address, d.message("platform"))

	p.at("https://elsewhere.example")
	d = p.read(t, start(t, p.Env, "", "doctor", "--json"))
	require.Equal(t, []string{"platform"}, d.with("error"))
	require.Contains(t, d.message("platform"),
		"the proxy "+address+" doesn't let this workspace through to elsewhere.example (403)")
	for host, says := range map[string]string{
		"password.example": "asks for a user name and password (407)", "away.example": "doesn't get through to away.example (504)",
	} {
		p.at("https://" + host)
		require.Contains(t, p.read(t, start(t, p.Env, "", "doctor", "--json")).message("platform"), says)
	}

	p.Env["HTTPS_PROXY"] = "http://user:hunter2@" + refusing
	d = p.read(t, start(t, p.Env, "", "doctor", "--json"))
	require.Equal(t, []string{"platform"}, d.with("error"))
	require.Contains(t, d.message("platform"),
		"the proxy "+refusing+" can't be reached: correct HTTPS_PROXY")
}
