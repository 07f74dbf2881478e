package tokenhttp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// pipeListener is a listener of connections in memory, which keep the time of a
// synctest bubble.
type pipeListener chan net.Conn

func (l pipeListener) Accept() (net.Conn, error) {
	conn, ok := <-l
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (l pipeListener) Close() error   { return nil }
func (l pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// serveInMemory serves h, in the time of a synctest bubble, and returns how to
// connect to it.
func serveInMemory(t *testing.T, h http.Handler) (dial func() net.Conn, stop func()) {
	t.Helper()
	listener := make(pipeListener)
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(listener) }()
	dial = func() net.Conn {
		client, conn := net.Pipe()
		listener <- conn
		return client
	}
	return dial, func() { close(listener); _ = server.Close() }
}

func TestABodyThatDoesNotComeHoldsNoConnection(t *testing.T) {
	for name, row := range map[string]struct {
		line, bearer, length string
		status               int
	}{
		"a stranger's":       {"POST /workspaces/ws-1/token", "wrong", "Content-Length: 100", 401},
		"in chunks":          {"POST /workspaces/ws-1/token", "wrong", "Transfer-Encoding: chunked", 401},
		"nobody's path":      {"POST /elsewhere", adminSecret, "Content-Length: 100", 404},
		"of a GET":           {"GET /workspaces/ws-1/token", adminSecret, "Content-Length: 100", 200},
		"of another method":  {"PUT /workspaces/ws-1/token", adminSecret, "Content-Length: 100", 405},
		"nobody asked for":   {"POST /workspaces/ws-1/token", adminSecret, "Content-Length: 100", 200},
		"with a bad min_ttl": {"POST /workspaces/ws-1/token?min_ttl=x", adminSecret, "Content-Length: 100", 400},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, err := tokenhttp.NewHandler(fixed(tokenprovider.Static(tokenSecret)), adminToken(t, adminSecret), nil)
				require.NoError(t, err)
				dial, stop := serveInMemory(t, h)
				defer stop()
				conn := dial()
				defer conn.Close()
				began := time.Now()
				_, err = fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n",
					row.line, row.bearer, row.length)
				require.NoError(t, err)
				reader := bufio.NewReader(conn)
				resp, err := http.ReadResponse(reader, nil)
				require.NoError(t, err)
				require.Equal(t, row.status, resp.StatusCode)
				_, err = io.Copy(io.Discard, resp.Body)
				require.NoError(t, err)
				_, err = reader.ReadByte()
				require.ErrorIs(t, err, io.EOF, "the connection ends")
				require.LessOrEqual(t, time.Since(began), 11*time.Second)
			})
		})
	}
}

func TestABodyThatComesAndThatNobodyReadsCostsNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := tokenhttp.NewHandler(fixed(slow(30*time.Second)), adminToken(t, adminSecret), nil)
		require.NoError(t, err)
		dial, stop := serveInMemory(t, h)
		defer stop()
		conn := dial()
		defer conn.Close()
		reader := bufio.NewReader(conn)
		body := strings.Repeat("unread ", 10_000) // more than the server reads ahead
		for range 2 {
			go func() {
				_, _ = fmt.Fprintf(conn, "POST /workspaces/ws-1/token HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s",
					adminSecret, len(body), body)
			}()
			resp, err := http.ReadResponse(reader, nil)
			require.NoError(t, err)
			require.Equal(t, 200, resp.StatusCode)
			require.False(t, resp.Close)
			_, err = io.Copy(io.Discard, resp.Body)
			require.NoError(t, err)
			time.Sleep(time.Hour) // the deadline ended with its request
		}
	})
}

// slow returns a provider that takes its time.
func slow(d time.Duration) tokenprovider.TokenProvider {
	return tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
		select {
		case <-time.After(d):
			return tokenSecret, time.Time{}, nil
		case <-ctx.Done():
			return "", time.Time{}, ctx.Err()
		}
	})
}

func TestGitsBodyIsWaitedForBrieflyAndASlowProviderLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := tokenhttp.NewHandler(fixed(slow(30*time.Second)), adminToken(t, adminSecret), nil)
		require.NoError(t, err)
		dial, stop := serveInMemory(t, h)
		defer stop()

		send := func(body string, promised int) (status int, took time.Duration) {
			client := dial()
			defer client.Close()
			start := time.Now()
			go func() {
				_, _ = fmt.Fprintf(client, "POST /workspaces/ws-1/token HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nAccept: %s\r\nContent-Length: %d\r\n\r\n%s",
					adminSecret, gitCredential, promised, body)
			}()
			resp, err := http.ReadResponse(bufio.NewReader(client), nil)
			require.NoError(t, err)
			return resp.StatusCode, time.Since(start)
		}
		const body = "protocol=https\nhost=github.com\n\n"
		status, took := send(body, len(body)+1)
		require.Equal(t, 400, status, "it looks whole and was cut short")
		require.Equal(t, 10*time.Second, took)
		status, took = send(body, len(body))
		require.Equal(t, 200, status, "the bound ends with the body")
		require.Equal(t, 30*time.Second, took)
	})
}
