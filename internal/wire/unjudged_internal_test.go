package wire

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheSameIsSaidOnceAMinuteByAnyClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		logger := slog.New(slog.NewTextHandler(&out, nil))
		var u Unjudged
		said := func(want int) {
			t.Helper()
			for range 3 {
				u.Say(t.Context(), logger, "ws-1")
			}
			require.Equal(t, want, strings.Count(out.String(), "bearer without expiry refused"))
		}
		said(1)
		time.Sleep(time.Minute)
		said(2)
		u.saidAt.Add(int64(time.Hour)) // the clock was set back
		said(3)
	})
}
