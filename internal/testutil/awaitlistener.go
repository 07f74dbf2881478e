package testutil

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// AwaitListener waits until somebody listens at that address.
func AwaitListener(t testing.TB, address string) {
	t.Helper()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, time.Minute, 10*time.Millisecond, "nobody listens at %s", address)
}
