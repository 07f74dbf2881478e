package apiclient

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// remains returns the headers of an answer that tell of a limit.
func remains(remaining int, reset time.Time) http.Header {
	h := http.Header{}
	h.Set("X-RateLimit-Limit", "5000")
	h.Set("X-RateLimit-Remaining", strconv.Itoa(remaining))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	return h
}

func TestALimitThatComesNearIsToldOnceInAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limits
		var told []int
		for range 3 {
			reset := time.Now().Add(time.Hour)
			for remaining := 5000; remaining > 0; remaining -= 10 {
				if limit, near := l.note("app", remains(remaining, reset), new(clock)); near {
					told = append(told, limit.Remaining)
				}
				time.Sleep(7 * time.Second)
			}
			time.Sleep(time.Minute)
		}
		require.Equal(t, []int{490, 490, 490}, told)
		require.True(t, l.remember(tokenprovider.Limit{Subject: "app", Limit: 15, Remaining: 1, Reset: time.Now().Add(2 * time.Hour)}))
	})
}

func TestLimitsAreAsLastSeenAndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limits
		reset := time.Now().Add(time.Hour)
		l.note("app", remains(4999, reset), new(clock))
		l.note("app", remains(4998, reset), new(clock))
		known, ok := l.known["app"]
		require.True(t, ok)
		require.Equal(t, tokenprovider.Limit{Subject: "app", Limit: 5000, Remaining: 4998, Reset: reset.Round(0).Local(), SeenAt: time.Now().Round(0)}, known)
		for n := range 300 {
			time.Sleep(time.Millisecond)
			l.note(fmt.Sprint("org-", n), remains(4000, reset), new(clock))
		}
		l.note("", remains(1, reset), new(clock))
		l.note("nobody", http.Header{}, new(clock))
		require.Len(t, l.all(), maxLimits)
		_, ok = l.known["app"]
		require.True(t, ok)
		_, ok = l.known["org-299"]
		require.True(t, ok)
		_, ok = l.known["org-0"]
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

func TestAnEndThatIsAnnouncedIsToldWithoutASecret(t *testing.T) {
	h := http.Header{"Deprecation": {"ghs_0123456789abcdefghij"}, "Sunset": {"ghs_0123456789abcdefghij"}}
	deprecation, sunset, isNew := new(announcements).note(h)
	require.True(t, isNew)
	require.NotContains(t, deprecation+sunset, "0123456789")
}
