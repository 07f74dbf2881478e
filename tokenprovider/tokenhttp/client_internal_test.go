package tokenhttp

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestADeadConnectionIsFoundOutBeforeACallTimesOut(t *testing.T) {
	client := new(Client).httpClient()
	transport, ok := client.Transport.(*http.Transport)
	require.True(t, ok)
	require.NotNil(t, transport.HTTP2)
	require.Positive(t, transport.HTTP2.SendPingTimeout)
	require.Positive(t, transport.HTTP2.PingTimeout)
	require.Less(t, transport.HTTP2.SendPingTimeout+transport.HTTP2.PingTimeout, client.Timeout)
}
