package apiclient

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// told returns the headers of an answer that tell of a limit.
func told(remaining int, reset time.Time) http.Header {
	h := http.Header{}
	h.Set("X-RateLimit-Limit", "5000")
	h.Set("X-RateLimit-Remaining", strconv.Itoa(remaining))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	return h
}

func same(t time.Time) time.Time { return t }

func TestALimitThatComesNearIsToldOnceInAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		var l limits
		for range 3 {
			reset := time.Now().Add(time.Hour)
			for remaining := 5000; remaining > 0; remaining -= 10 {
				l.note("app", told(remaining, reset), same, logger, "7")
				time.Sleep(7 * time.Second)
			}
			time.Sleep(time.Minute)
		}
		require.Equal(t, 3, strings.Count(log.String(), "comes near"))
		require.Contains(t, log.String(), "app=7 remaining=490 limit=5000")
	})
}

func TestLimitsAreAsLastSeenAndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limits
		reset := time.Now().Add(time.Hour)
		log := slog.New(slog.DiscardHandler)
		l.note("app", told(4999, reset), same, log, "7")
		l.note("app", told(4998, reset), same, log, "7")
		known, ok := l.of("app")
		require.True(t, ok)
		require.Equal(t, tokenprovider.Limit{Subject: "app", Limit: 5000, Remaining: 4998, Reset: reset.Round(0).Local(), SeenAt: time.Now().Round(0)}, known)
		for n := range 300 {
			time.Sleep(time.Millisecond)
			l.note(fmt.Sprint("org-", n), told(4000, reset), same, log, "7")
		}
		l.note("", told(1, reset), same, log, "7")
		l.note("nobody", http.Header{}, same, log, "7")
		require.Len(t, l.all(), maxLimits)
		_, ok = l.of("app")
		require.True(t, ok)
		_, ok = l.of("org-299")
		require.True(t, ok)
		_, ok = l.of("org-0")
		require.False(t, ok, "the one seen longest ago goes")
	})
}

func TestAnEndThatIsAnnouncedIsToldOnce(t *testing.T) {
	var a announcements
	header := http.Header{"Deprecation": {"@1773100800"}, "Sunset": {"Fri, 10 Mar 2028 00:00:00 GMT"}}
	deprecation, sunset, isNew := a.note(header)
	require.True(t, isNew)
	require.Equal(t, []string{"@1773100800", "Fri, 10 Mar 2028 00:00:00 GMT"}, []string{deprecation, sunset})
	_, _, isNew = a.note(header)
	require.False(t, isNew)
	_, _, isNew = a.note(http.Header{})
	require.False(t, isNew)
	told := 0
	for n := range 1000 {
		if _, _, isNew := a.note(http.Header{"Sunset": {fmt.Sprint(n)}}); isNew {
			told++
		}
	}
	require.Less(t, told, maxAnnounced, "a value that changes each time fills no log")
}
