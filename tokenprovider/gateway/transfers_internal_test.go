package gateway

import (
	"context"
	"log/slog"
	"testing"

	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestATransferThatIsOverIsNotBrokenOff(t *testing.T) {
	transfers := newTransfers(func(context.Context, tokenhttp.Principal) error { return nil }, slog.New(slog.DiscardHandler))
	who := tokenhttp.Principal{WorkspaceID: "ws-1"}
	broken := 0
	done := transfers.begin(who, func() { broken++ })
	var running *transfer
	for running = range transfers.running[who] {
	}
	running.end()
	require.Equal(t, 1, broken)
	done()
	running.end() // by a round that saw it before
	require.Equal(t, 1, broken)
	require.Empty(t, transfers.running)
}
