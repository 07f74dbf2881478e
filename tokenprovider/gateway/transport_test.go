package gateway

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func TestOfWhatAClientDoesNotTakeLittleIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		version2 := &http.Protocols{}
		version2.SetUnencryptedHTTP2(true)
		listener := make(testutil.Pipes)
		forge := &http.Server{Protocols: version2, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for part := make([]byte, 16<<10); ; {
				n, err := w.Write(part)
				if sent.Add(int64(n)); err != nil {
					return
				}
			}
		})}
		go func() { _ = forge.Serve(listener) }()
		transport := newTransport()
		transport.Protocols = version2
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			listener <- there
			return here, nil
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://forge.test/", http.NoBody)
		require.NoError(t, err)
		resp, err := transport.RoundTrip(r)
		require.NoError(t, err)
		require.Equal(t, 2, resp.ProtoMajor)
		synctest.Wait() // until the forge can't send any more
		require.GreaterOrEqual(t, sent.Load(), int64(maxHeld), "a clone is no slower than its client")
		require.LessOrEqual(t, sent.Load(), int64(1<<20))
		require.NoError(t, resp.Body.Close())
		transport.CloseIdleConnections()
		require.NoError(t, forge.Close())
	})
}

func TestADeadConnectionToTheForgeIsFoundOut(t *testing.T) {
	h := newTransport().HTTP2
	require.Positive(t, h.SendPingTimeout)
	require.Positive(t, h.PingTimeout)
	require.LessOrEqual(t, h.SendPingTimeout+h.PingTimeout, 15*time.Second)
}
