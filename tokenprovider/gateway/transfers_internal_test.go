package gateway

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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

func TestAnAdmitThatHangsIsLeftBehindAndAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		transfers := newTransfers(func(ctx context.Context, _ tokenhttp.Principal) error {
			asked.Add(1)
			<-ctx.Done()
			return ctx.Err()
		}, slog.New(slog.DiscardHandler))
		done := transfers.begin(tokenhttp.Principal{WorkspaceID: "ws-1"}, func() { t.Error("nobody knows that it isn't admitted") })
		time.Sleep(time.Minute)
		done()
		time.Sleep(time.Minute)
		require.EqualValues(t, 6, asked.Load(), "for 5 s each time, and 5 s later again")
	})
}
