package tokenhttp_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// dated answers after a while with a token that expires at expiresAt, under the
// Date header that date is; "" is none.
func dated(after time.Duration, date string, expiresAt time.Time) *tokenhttp.Client {
	return &tokenhttp.Client{
		URL: "https://platform.example/workspaces/ws-1/token", Bearer: tokenprovider.Static(bearerSecret),
		HTTPClient: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			time.Sleep(after)
			header := http.Header{"Content-Type": {"application/json"}}
			if date != "" {
				header.Set("Date", date)
			}
			body := `{"token":"` + tokenSecret + `","expires_at":"` + expiresAt.UTC().Format(time.RFC3339) + `"}`
			return &http.Response{StatusCode: 200, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
		})},
	}
}

func TestATokensLifeIsReckonedByTheAnswersOwnDate(t *testing.T) {
	const day, second = 24 * time.Hour, time.Second
	for name, row := range map[string]struct {
		offset  time.Duration // of the endpoint's clock from this machine's
		after   time.Duration // the request
		life    time.Duration // of the token by the endpoint's clock, at its Date
		within  time.Duration // what is left of it when it came, by this machine's
		refused tokenprovider.Code
	}{
		"the clocks agree":             {0, second, time.Hour, time.Hour, ""},
		"they nearly agree":            {4 * second, 0, time.Hour, time.Hour + 4*second, ""},
		"this machine is a day behind": {day, second, time.Hour, time.Hour - 2*second, ""},
		"this machine is a day ahead":  {-day, second, time.Hour, time.Hour - 2*second, ""},
		"by a minute":                  {time.Minute, 0, time.Hour, time.Hour - second, ""},
		"this machine was just made":   {30 * 365 * day, 0, time.Hour, time.Hour - second, ""},
		"it came late":                 {day, 8 * second, 10 * second, second, ""},
		"it came too late":             {day, 9 * second, 10 * second, 0, tokenprovider.CodeUnavailable},
		"the Date says it is dead":     {day, 0, -time.Minute, day - time.Minute, ""},
		"so does this machine's clock": {-day, 0, -time.Minute, 0, tokenprovider.CodeInternal},
		"a token of many years":        {day, 0, 50 * 365 * day, 50*365*day + day, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(700 * time.Millisecond)
			date := time.Now().Add(row.after + row.offset).Truncate(second)
			client := dated(row.after, date.UTC().Format(http.TimeFormat), date.Add(row.life))
			if row.refused != "" {
				requireCode(t, client, row.refused, name)
				return
			}
			token, expiresAt, err := client.Token(t.Context())
			require.NoError(t, err, name)
			require.Equal(t, tokenSecret, token)
			require.Equal(t, time.Now().Truncate(second).Add(row.within).UTC(), expiresAt, name)
		})
	}
}

func TestAnAnswerThatACacheKeptMakesNoTokenLiveLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expiresAt := time.Now().Add(10 * time.Minute).UTC()
		date := time.Now().Add(-50 * time.Minute).UTC().Format(http.TimeFormat)
		client := dated(0, date, expiresAt)
		inner := client.HTTPClient.Transport
		client.HTTPClient.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			resp, err := inner.RoundTrip(r)
			resp.Header.Set("Age", "3000")
			return resp, err
		})
		_, got, err := client.Token(t.Context())
		require.NoError(t, err)
		require.Equal(t, expiresAt, got)
	})
}

func TestWithoutAUsableDateOnlyThisMachinesClockCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, date := range []string{
			"", "yesterday", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
		} {
			expiresAt := time.Now().Add(time.Hour).Truncate(time.Second).UTC()
			_, got, err := dated(0, date, expiresAt).Token(t.Context())
			require.NoError(t, err, date)
			require.Equal(t, expiresAt, got, date)
			e := requireCode(t, dated(0, date, expiresAt.Add(-2*time.Hour)), tokenprovider.CodeInternal)
			require.ErrorContains(t, e, "by this machine's clock")
		}
	})
}
