package apiclient

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRetryAfterFollowsGitHubsOrder(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for name, c := range map[string]struct {
		header map[string]string
		want   time.Duration
	}{
		"no hint":                   {nil, time.Minute},
		"seconds":                   {map[string]string{"Retry-After": "17"}, 17 * time.Second},
		"seconds before a reset":    {map[string]string{"Retry-After": "17", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000500"}, 17 * time.Second},
		"a date":                    {map[string]string{"Retry-After": now.Add(90 * time.Second).UTC().Format(http.TimeFormat)}, 90 * time.Second},
		"nonsense":                  {map[string]string{"Retry-After": "soon"}, time.Minute},
		"negative":                  {map[string]string{"Retry-After": "-5"}, time.Minute},
		"zero":                      {map[string]string{"Retry-After": "0"}, time.Second},
		"beyond all measure":        {map[string]string{"Retry-After": "99999999999999999999"}, time.Minute},
		"days":                      {map[string]string{"Retry-After": "864000"}, time.Hour},
		"reset":                     {map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000500"}, 500 * time.Second},
		"reset in the past":         {map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000000"}, time.Second},
		"reset of zero":             {map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0"}, time.Minute},
		"reset of nonsense":         {map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "x"}, time.Minute},
		"reset with some remaining": {map[string]string{"X-RateLimit-Remaining": "14", "X-RateLimit-Reset": "1800000500"}, time.Minute},
		"reset without remaining":   {map[string]string{"X-RateLimit-Reset": "1800000500"}, time.Minute},
		"reset by a clock that is ahead": {map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800001170",
			"Date": now.Add(18 * time.Minute).UTC().Format(http.TimeFormat)}, 90 * time.Second},
		"a proxy's Date of yesterday": {map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000090",
			"Date": now.Add(-24 * time.Hour).UTC().Format(http.TimeFormat)}, 90 * time.Second},
		"reset beyond what we count": {map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9223372036854775807"}, time.Hour},
	} {
		header := http.Header{}
		for name, value := range c.header {
			header.Set(name, value)
		}
		require.Equal(t, c.want, retryAfter(header, now), name)
	}
}

func TestAnOrdinary403IsNoRateLimit(t *testing.T) {
	header := http.Header{}
	header.Set("X-RateLimit-Remaining", "4999")
	header.Set("X-RateLimit-Reset", "1800000500")
	for message, want := range map[string]bool{
		"This installation has been suspended":                               false,
		"Resource not accessible by integration":                             false,
		"You have exceeded a secondary rate limit":                           true,
		"Maximum number of login attempts exceeded. Please try again later.": true,
		"You have triggered an abuse detection mechanism":                    true,
	} {
		require.Equal(t, want, (&Refusal{Status: 403, Message: message}).limits(header), message)
	}
	header.Set("X-RateLimit-Remaining", "0")
	require.True(t, (&Refusal{Status: 403}).limits(header))
	require.False(t, (&Refusal{Status: 404}).limits(header))
}
