package wire_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/stretchr/testify/require"
)

// dying is a connection that carries nothing more once it is dead, and says so
// to nobody.
type dying struct {
	net.Conn
	dead   *atomic.Bool
	closed *sync.Once
	over   chan struct{}
}

func (d dying) Read(p []byte) (int, error) {
	n, err := d.Conn.Read(p)
	if d.dead.Load() {
		<-d.over
		return 0, net.ErrClosed
	}
	return n, err
}

func (d dying) Write(p []byte) (int, error) {
	if d.dead.Load() {
		return len(p), nil
	}
	return d.Conn.Write(p)
}

func (d dying) Close() error {
	d.closed.Do(func() { close(d.over) })
	return d.Conn.Close()
}

func TestADeadHTTP2ConnectionCostsOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var http2 http.Protocols
		http2.SetUnencryptedHTTP2(true)
		listener := make(testutil.Pipes, 1)
		server := &http.Server{Protocols: &http2, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
		go func() { _ = server.Serve(listener) }()
		defer server.Close()

		var dead *atomic.Bool
		dials := 0
		transport := &http.Transport{Protocols: &http2, HTTP2: wire.HealthCheck(10 * time.Second)}
		defer transport.CloseIdleConnections()
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			listener <- theirs
			dead = new(atomic.Bool)
			dials++
			return dying{ours, dead, new(sync.Once), make(chan struct{})}, nil
		}
		ask := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://server.example/", http.NoBody)
			require.NoError(t, err)
			resp, err := transport.RoundTrip(req)
			if err != nil {
				return err
			}
			defer synctest.Wait() // until the connection is ready for another
			return resp.Body.Close()
		}
		require.NoError(t, ask())
		require.NoError(t, ask())
		require.Equal(t, 1, dials)
		dead.Store(true)
		began := time.Now()
		err := ask()
		require.Error(t, err)
		require.False(t, errors.Is(err, context.DeadlineExceeded), "it is found out while the request waits")
		require.LessOrEqual(t, time.Since(began), 10*time.Second)
		require.NoError(t, ask())
		require.Equal(t, 2, dials)
	})
}

func TestAWorkspacesTransportFindsOutThatItsConnectionIsDead(t *testing.T) {
	h := wire.NewTransport().HTTP2
	require.NotNil(t, h)
	require.Less(t, h.SendPingTimeout+h.PingTimeout, 10*time.Second, "the time-out of a call")
}

func TestAPlatformThatIsSilentOrSaysTooMuchIsLeft(t *testing.T) {
	for name, server := range map[string]struct {
		url  string
		says string
	}{
		"silent":   {"https://platform.example", ""},
		"too much": {"http://platform.example", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", wire.MaxAnswer+1) + "\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport := wire.NewTransport()
				transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					go func() { _, _ = io.Copy(io.Discard, theirs) }()
					go func() { _, _ = io.WriteString(theirs, server.says) }()
					return ours, nil
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.url, http.NoBody)
				require.NoError(t, err)
				began := time.Now()
				_, err = transport.RoundTrip(req)
				require.Error(t, err)
				require.LessOrEqual(t, time.Since(began), 5*time.Second)
			})
		})
	}
}
