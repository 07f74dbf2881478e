package wire_test

import (
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/stretchr/testify/require"
)

func TestADeadHTTP2ConnectionIsFoundOutByPings(t *testing.T) {
	h := wire.HealthCheck(10 * time.Second)
	require.Equal(t, 10*time.Second, h.SendPingTimeout+h.PingTimeout)
	require.Positive(t, h.SendPingTimeout)
	require.NotNil(t, wire.NewTransport().HTTP2)
}
