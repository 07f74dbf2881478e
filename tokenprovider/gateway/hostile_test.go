package gateway_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/internal/pktline"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// raw writes text as it is to the gateway, and behind it what ends any
// connection. It returns the statuses of all that the gateway answers.
func (p *platform) raw(t *testing.T, text string) (statuses []int) {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(p.url, "https://"), p.client.Transport.(*http.Transport).TLSClientConfig)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	go func() {
		_, _ = io.WriteString(conn, text+"end\r\n\r\n") // the gateway may have enough before
	}()
	in := bufio.NewReader(conn)
	for {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return statuses
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		statuses = append(statuses, resp.StatusCode)
	}
}

func TestARequestHasNoSecondReading(t *testing.T) {
	p := newPlatform(t, nil)
	bearer, err := p.key.Issue("ws-1", 0)
	require.NoError(t, err)
	p.log.Secret(bearer)
	host := strings.TrimPrefix(p.url, "https://")
	const smuggled = "GET /api/v3/repos/acme/gadgets HTTP/1.1\r\nHost: x\r\n\r\n"
	request := func(method, target, headers, body string) string {
		return method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + bearer +
			"\r\nUser-Agent: test\r\n" + headers + "\r\n" + body
	}
	const path = "/api/v3/repos/acme/widgets"
	for name, text := range map[string]string{
		"two lengths":             request("POST", path, "Content-Length: 0\r\nContent-Length: 54\r\n", smuggled),
		"a signed length":         request("POST", path, "Content-Length: +0\r\n", smuggled),
		"a length in a list":      request("POST", path, "Content-Length: 0, 54\r\n", smuggled),
		"another transfer coding": request("POST", path, "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"+smuggled),
		"two transfer codings":    request("POST", path, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"+smuggled),
		"a space in a name":       request("GET", path, "X Y: 1\r\n", ""),
		"a space behind a name":   request("GET", path, "Transfer-Encoding : chunked\r\n", ""),
		"a control in a name":     request("GET", path, "X\x01: 1\r\n", ""),
		"a high byte in a name":   request("GET", path, "X\xff: 1\r\n", ""),
		"a control in a value":    request("GET", path, "X-Github-Y: a\x00b\r\n", ""),
		"two hosts":               request("GET", path, "Host: github.com\r\n", ""),
		"a space in the target":   request("GET", path+" x", "", ""),
		"a target with a host":    request("GET", "https://github.com"+path, "", ""),
		"a target with another":   request("GET", p.github.URL+path, "", ""),
		"a target with its own":   request("GET", p.url+path, "", ""),
		"a fragment":              request("GET", path+"?a=b#c", "", ""),
		"a query beyond UTF-8":    request("GET", path+"?a=\xff", "", ""),
		"a connection":            request("CONNECT", "github.com:443", "", ""),
		"a version of its own":    strings.Replace(request("GET", path, "", ""), "HTTP/1.1", "HTTP/3.7", 1),
	} {
		statuses := p.raw(t, text)
		require.NotEmpty(t, statuses, name)
		require.GreaterOrEqual(t, statuses[0], 400, name)
		require.Empty(t, p.github.Requests(), name)
	}

	// What net/http reads in one way goes on in that way: as one request, and
	// what follows has to say for itself who it is.
	statuses := p.raw(t, request("POST", path, "Content-Length: 60\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+smuggled))
	require.Equal(t, 404, statuses[0])
	for _, status := range statuses[1:] {
		require.GreaterOrEqual(t, status, 400)
	}
	// A hop-by-hop header that names the credential takes nothing away.
	require.Equal(t, []int{200}, p.raw(t, request("GET", path, "Connection: close, Authorization, Host\r\n", "")))
	for _, r := range p.github.Requests() {
		require.NotContains(t, r.Path, "gadgets")
	}
	p.requireClean(t)
}

func TestEndlessHeadersAreRefused(t *testing.T) {
	p := newPlatform(t, nil)
	statuses := p.raw(t, "GET /api/v3/ HTTP/1.1\r\n"+strings.Repeat("X-Github-Y: "+strings.Repeat("y", 1000)+"\r\n", 2000))
	require.Equal(t, []int{431}, statuses)
	require.Empty(t, p.github.Requests())
}

// trip is a forge.
type trip func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// secretToken is what gateways of newGateway add.
const secretToken = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"

// newGateway returns a gateway before a forge in memory, and a bearer.
func newGateway(t *testing.T, forgeURL string, edit func(*gateway.Options)) (g *gateway.Gateway, bearer string, log *testutil.Capture) {
	t.Helper()
	hub, err := forge.GitHub(forgeURL)
	require.NoError(t, err)
	key, err := tokenhttp.NewWorkspaceKey([]byte("a key for tests, of no less than 32 bytes"))
	require.NoError(t, err)
	bearer, err = key.Issue("ws-1", time.Hour)
	require.NoError(t, err)
	log = testutil.NewCapture(t, secretToken, bearer)
	opts := gateway.Options{
		BaseURL: "https://gateway.test", Forge: hub, Auth: key, Logger: log.Logger(),
		Admit: func(context.Context, tokenhttp.Principal) error { return nil },
		Policy: func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
			return gateway.Grant{Provider: tokenprovider.Static(secretToken)}, nil
		},
	}
	if edit != nil {
		edit(&opts)
	}
	g, err = gateway.New(opts)
	require.NoError(t, err)
	return g, bearer, log
}

// newRequest returns a request as a server gets it.
func newRequest(t *testing.T, method, path, bearer string, body io.Reader) *http.Request {
	t.Helper()
	ctx := context.WithValue(t.Context(), http.ServerContextKey, &http.Server{})
	r := httptest.NewRequestWithContext(ctx, method, path, body)
	r.Host = "gateway.test"
	r.Header.Set("Authorization", "Bearer "+bearer)
	return r
}

const aCommand = "0000000000000000000000000000000000000000 0123456789abcdef0123456789abcdef01234567 refs/heads/main\x00report-status"

// zeros is an endless pack.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// sink is a client that takes everything.
type sink struct {
	header http.Header
	taken  int64
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(p []byte) (int, error) { s.taken += int64(len(p)); return len(p), nil }

func TestAHugeBodyTakesNoMoreMemoryThanASmallOne(t *testing.T) {
	const huge = 1 << 30
	var arrived atomic.Int64
	var refuse atomic.Bool
	var last gateway.AuditRecord
	g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
		policy := o.Policy
		o.Policy = func(ctx context.Context, p tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
			if refuse.Load() {
				return gateway.Grant{}, &gateway.Refusal{Message: "no"}
			}
			return policy(ctx, p, op)
		}
		o.Audit = func(_ context.Context, r gateway.AuditRecord) { last = r }
		o.Transport = trip(func(r *http.Request) (*http.Response, error) {
			n, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{r.Body}, make([]byte, 32<<10))
			arrived.Add(n)
			return &http.Response{
				StatusCode: 200, Header: http.Header{}, ContentLength: huge, Request: r,
				Body: io.NopCloser(io.LimitReader(zeros{}, huge)),
			}, err
		})
	})
	push := func() (allocated uint64, client *sink) {
		client = &sink{header: http.Header{}}
		r := newRequest(t, "POST", "/acme/widgets.git/git-receive-pack", bearer,
			io.MultiReader(strings.NewReader(pktline.Line(aCommand)+"0000"), io.LimitReader(zeros{}, huge)))
		r.Header.Set("Content-Type", "application/x-git-receive-pack-request")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		g.ServeHTTP(client, r)
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc, client
	}
	allocated, client := push()
	require.Greater(t, arrived.Load(), int64(huge))
	require.Equal(t, int64(huge), client.taken)
	require.Equal(t, int64(huge), last.Sent)
	require.Equal(t, arrived.Load(), last.Received)
	require.Less(t, allocated, uint64(4<<20))

	refuse.Store(true)
	arrived.Store(0)
	allocated, _ = push()
	require.Zero(t, arrived.Load())
	require.LessOrEqual(t, last.Received, int64(257<<20), "no more of a refused push is read than that")
	require.Less(t, allocated, uint64(4<<20))
}

func TestAForgeThatBreaksIsAnsweredFor(t *testing.T) {
	const half = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"id\":"
	for name, c := range map[string]struct {
		says   string
		status int
		broken bool // the answer ends before its end
	}{
		"garbage":           {"SSH-2.0-OpenSSH_9.2\r\n", 502, false},
		"nothing":           {"", 502, false},
		"a half header":     {"HTTP/1.1 200 OK\r\nContent-Ty", 502, false},
		"endless headers":   {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Github-Y: "+strings.Repeat("y", 1000)+"\r\n", 12_000), 502, false},
		"two lengths":       {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 502, false},
		"an upgrade":        {"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", 502, false},
		"half a body":       {half, 200, true},
		"401":               {"HTTP/1.1 401 x\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n", 502, false},
		"a cookie":          {"HTTP/1.1 204 x\r\nSet-Cookie: a=b\r\n\r\n", 204, false},
		"a chunk of no hex": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			t.Cleanup(func() { _ = listener.Close() })
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
						_, _ = io.WriteString(conn, c.says)
					}
					_ = conn.Close()
				}
			}()
			var last gateway.AuditRecord
			transport := &http.Transport{DisableCompression: true}
			t.Cleanup(transport.CloseIdleConnections)
			g, bearer, _ := newGateway(t, "http://"+listener.Addr().String()+"/api/v3", func(o *gateway.Options) {
				o.Audit = func(_ context.Context, r gateway.AuditRecord) { last = r }
				o.Transport = transport
			})
			for _, path := range []string{"/api/v3/user", "/acme/widgets.git/info/refs?service=git-upload-pack"} {
				got := httptest.NewRecorder()
				serve := func() { g.ServeHTTP(got, newRequest(t, "GET", path, bearer, nil)) }
				if c.broken {
					require.PanicsWithError(t, http.ErrAbortHandler.Error(), serve, "the server breaks the connection off")
					require.Equal(t, tokenprovider.CodeUnavailable, last.Code)
				} else {
					serve()
				}
				require.Equal(t, c.status, got.Code)
				require.Equal(t, c.status, last.Status)
				require.Empty(t, got.Header().Get("WWW-Authenticate"))
				require.Empty(t, got.Header().Get("Set-Cookie"))
				require.Empty(t, testutil.Leak(got.Body.String(), secretToken, bearer))
			}
		})
	}
}

func TestARedirectOfTheForgeIsNotFollowedHere(t *testing.T) {
	asked := 0
	g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
		o.Transport = trip(func(r *http.Request) (*http.Response, error) {
			asked++
			header := http.Header{"Location": {r.URL.String()}}
			return &http.Response{StatusCode: 302, Header: header, Body: http.NoBody, Request: r}, nil
		})
	})
	got := httptest.NewRecorder()
	g.ServeHTTP(got, newRequest(t, "GET", "/api/v3/repos/acme/widgets?page=2", bearer, nil))
	require.Equal(t, 302, got.Code)
	require.Equal(t, "https://gateway.test/api/v3/repos/acme/widgets?page=2", got.Header().Get("Location"))
	require.Equal(t, 1, asked)
}

func TestWhatATransportSaysIsToldToNobody(t *testing.T) {
	g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
		o.Transport = trip(func(r *http.Request) (*http.Response, error) {
			return nil, errors.New("can't send " + r.Header.Get("Authorization"))
		})
	})
	got := httptest.NewRecorder()
	g.ServeHTTP(got, newRequest(t, "GET", "/api/v3/user", bearer, nil))
	require.Equal(t, 502, got.Code)
	require.Empty(t, testutil.Leak(got.Body.String(), secretToken, bearer))
}

func TestAnAnswerThatIsRewrittenComesWholeAndBounded(t *testing.T) {
	var seen http.Header
	answer := ""
	g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
		o.Transport = trip(func(r *http.Request) (*http.Response, error) {
			seen = r.Header
			body := io.NopCloser(io.MultiReader(strings.NewReader(answer), io.LimitReader(zeros{}, 9<<20)))
			if answer != "" {
				body = io.NopCloser(strings.NewReader(answer))
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: body, Request: r, ContentLength: -1}, nil
		})
	})
	ask := func() *httptest.ResponseRecorder {
		r := newRequest(t, "POST", "/acme/widgets.git/info/lfs/objects/batch", bearer, strings.NewReader(`{"operation":"upload"}`))
		for _, name := range []string{"Range", "If-Range", "If-None-Match", "Accept-Encoding"} {
			r.Header.Set(name, "bytes=1-")
		}
		got := httptest.NewRecorder()
		g.ServeHTTP(got, r)
		return got
	}
	require.Equal(t, 502, ask().Code, "it is endless")
	require.Empty(t, seen.Get("Range"), "half an answer couldn't be read")
	require.Empty(t, seen.Get("Accept-Encoding"))
	answer = `{"objects":[{"actions":{"verify":{"href":"https://github.com/a/b","header":{"authorization":"x","A":"b"}}}}]}`
	require.JSONEq(t, `{"objects":[{"actions":{"verify":{"href":"https://gateway.test/a/b","header":{"A":"b"}}}}]}`, ask().Body.String())
}

// connect returns a connection to a server of g, in memory.
func connect(t *testing.T, g http.Handler) net.Conn {
	listener := make(testutil.Pipes)
	server := &http.Server{Handler: g, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	client, conn := net.Pipe()
	listener <- conn
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
	})
	return client
}

func TestASlowBodyIsNotWaitedForLong(t *testing.T) {
	for name, request := range map[string]string{
		"a push":     "POST /acme/widgets.git/git-receive-pack HTTP/1.1\r\nContent-Type: application/x-git-receive-pack-request\r\nContent-Length: 1000\r\n",
		"an upload":  "POST /acme/widgets.git/info/lfs/objects/batch HTTP/1.1\r\nContent-Length: 1000\r\n",
		"of GraphQL": "POST /api/graphql HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
					o.Transport = trip(func(*http.Request) (*http.Response, error) { return nil, errors.New("unasked") })
				})
				client := connect(t, g)
				began := time.Now()
				_, err := io.WriteString(client, request+"Host: gateway.test\r\nAuthorization: Bearer "+bearer+"\r\n\r\n"+"00")
				require.NoError(t, err)
				resp, err := http.ReadResponse(bufio.NewReader(client), nil)
				require.NoError(t, err)
				_, _ = io.Copy(io.Discard, resp.Body)
				require.Equal(t, 403, resp.StatusCode)
				require.LessOrEqual(t, time.Since(began), time.Minute)
			})
		})
	}
}

func TestATransportThatBreaksIsAnAnswer(t *testing.T) {
	for name, broken := range map[string]trip{
		"panics":          func(*http.Request) (*http.Response, error) { panic(secretToken) },
		"returns nothing": func(*http.Request) (*http.Response, error) { return nil, nil },
	} {
		g, bearer, _ := newGateway(t, "", func(o *gateway.Options) { o.Transport = broken })
		got := httptest.NewRecorder()
		g.ServeHTTP(got, newRequest(t, "GET", "/api/v3/user", bearer, nil))
		require.Equal(t, 502, got.Code, name)
		require.Empty(t, testutil.Leak(got.Body.String(), secretToken, bearer))
	}
}

func TestNothingIsPassedOnBeforeTheAnswer(t *testing.T) {
	forge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "a=b")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Set-Cookie")
		_, _ = io.WriteString(w, "{}")
	}))
	defer forge.Close()
	g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
		o.Transport = trip(func(r *http.Request) (*http.Response, error) {
			r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(forge.URL, "http://")
			return http.DefaultTransport.RoundTrip(r)
		})
	})
	defer http.DefaultClient.CloseIdleConnections()
	server := httptest.NewServer(g)
	defer server.Close()
	conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /api/v3/user HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\nAuthorization: Bearer "+bearer+"\r\n\r\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 200 "), "%s", answer)
	require.NotContains(t, string(answer), "a=b")
}
