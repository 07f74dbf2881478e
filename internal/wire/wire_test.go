package wire_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/stretchr/testify/require"
)

func TestIsTokenTakesOneWordOfVisibleASCII(t *testing.T) {
	for _, s := range []string{"ghs_abc", "a", "eyJ.eyJ.sig", "!~"} {
		require.True(t, wire.IsToken(s), "%q", s)
	}
	for _, s := range []string{"", " ", "a b", "a\n", "a\r\nHost: b", "\x00", "a\x7f", "é", "a\u200b"} {
		require.False(t, wire.IsToken(s), "%q", s)
	}
}

func TestOneLineShowsNothingThatATerminalObeys(t *testing.T) {
	require.Equal(t, "a b c", wire.OneLine("a\x1b\n\tb\u202e \u2028c", 100))
	require.Equal(t, "a", wire.OneLine("\xffa\xff", 100))
	require.Equal(t, strings.Repeat("é", 9)+"…", wire.OneLine(strings.Repeat("é", 11), 10))
	require.Equal(t, strings.Repeat("é", 10), wire.OneLine(strings.Repeat("é", 10), 10))
}

func TestLoopback(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "127.9.9.9", "::1", "localhost", "LocalHost", "::ffff:127.0.0.1"} {
		require.True(t, wire.Loopback(host), host)
	}
	for _, host := range []string{"", "10.0.0.1", "0.0.0.0", "::", "localhost.", "localhost.example", "127.0.0.1.example", "127.1"} {
		require.False(t, wire.Loopback(host), host)
	}
}

func TestParseURLTakesNoAddressWhereABearerCouldBeRead(t *testing.T) {
	for raw, says := range map[string]string{
		"https://platform.example/base":  "",
		"http://127.0.0.1:8080":          "",
		"http://[::1]":                   "",
		"":                               "is not an absolute URL",
		"platform.example":               "is not an absolute URL",
		"https:platform":                 "is not an absolute URL",
		"https://user:s3cret@host":       "has a user name or password",
		"https://host/#s3cret":           "has a fragment",
		"ftp://host":                     "is neither https nor http",
		"http://platform.example":        "is http to another machine",
		"https://host/%zz?token=s3cret":  "is not an absolute URL",
		"http://127.0.0.1.evil.example/": "is http to another machine",
	} {
		_, err := wire.ParseURL(raw, false)
		if says == "" {
			require.NoError(t, err, raw)
			continue
		}
		require.ErrorContains(t, err, says, raw)
		require.NotContains(t, err.Error(), "s3cret")
	}
	_, err := wire.ParseURL("http://platform.example", true)
	require.NoError(t, err)
}

func TestAGatewaysAddressIsAHostAloneInOneForm(t *testing.T) {
	for _, raw := range []string{"https://Gateway.Example", "https://gateway.example:443", "https://gateway.example/"} {
		base, err := wire.ParseBase(raw)
		require.NoError(t, err, raw)
		require.Equal(t, "https://gateway.example", base.String())
	}
	base, err := wire.ParseBase("https://gateway.example:8443")
	require.NoError(t, err)
	require.Equal(t, "gateway.example:8443", base.Host)
	for _, raw := range []string{
		"", "http://127.0.0.1", "https://u:p@gateway.example", "https://gateway.example/git",
		"https://gateway.example?a=b", "https://gateway.example/?", "https://gateway.example#a",
	} {
		_, err := wire.ParseBase(raw)
		require.Error(t, err, raw)
	}
}

func TestABearerIsOneWordInOneHeader(t *testing.T) {
	longest := strings.Repeat("b", wire.MaxBearer)
	for value, want := range map[string]string{
		"Bearer s3cret": "s3cret", "bearer   s3cret": "s3cret", "token s3cret": "s3cret", "Bearer " + longest: longest,
		"": "", "s3cret": "", "Bearer": "", "Bearer ": "", "Bearer a b": "", "Bearer a\x00": "", "Bearer é": "", "Basic s3cret": "",
		"Bearer " + longest + "b": "",
	} {
		bearer, ok := wire.Bearer(http.Header{"Authorization": {value}}, "token")
		require.Equal(t, want, bearer, "%.50q", value)
		require.Equal(t, want != "", ok, "%.50q", value)
	}
	_, ok := wire.Bearer(http.Header{"Authorization": {"token s3cret"}})
	require.False(t, ok)
	for _, values := range [][]string{nil, {"Bearer a", "Bearer b"}, {"Bearer a", "Basic b"}, {"Bearer a", ""}} {
		_, ok := wire.Bearer(http.Header{"Authorization": values})
		require.False(t, ok, values)
	}
}

func TestAProxyIsShownWithoutItsPasswordOrNotAtAll(t *testing.T) {
	for value, want := range map[string]string{
		"http://proxy.example:3128": "proxy.example:3128", "proxy.example:3128": "proxy.example:3128",
		"http://user:s3cret@proxy.example:3128/": "proxy.example:3128", "user:s3cret@proxy.example": "proxy.example",
		"": "", "http://": "", "http://user:s3#cret@proxy.example": "", "http://user:%zz@proxy.example": "",
		"http://user:3#cret@proxy.example": "", "http://user:3?cret@proxy.example": "",
	} {
		require.Equal(t, want, wire.ProxyHost(value), value)
	}
}

func TestIsCleanAbs(t *testing.T) {
	for _, p := range []string{"/a", "/run/provisionkit/bearer", "/a b"} {
		require.True(t, wire.IsCleanAbs(p), p)
	}
	for _, p := range []string{"", "/", "a", "./a", "/a/", "/a/../b", "//a", "/./a", "~/a"} {
		require.False(t, wire.IsCleanAbs(p), p)
	}
}

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"0": 0, "7": 7 * time.Second, "999999999999": time.Hour, "18446744073709551615": -1,
		"Fri, 01 May 2026 12:00:30 GMT": 30 * time.Second, "Fri, 01 May 2026 11:00:00 GMT": 0, "Fri, 01 May 2099 12:00:30 GMT": time.Hour,
		"": -1, "-1": -1, "1.5": -1, "soon": -1, "+5": -1,
	} {
		wait, ok := wire.ParseRetryAfter(value, now, time.Hour)
		require.Equal(t, want >= 0, ok, "%q", value)
		require.Equal(t, max(want, 0), wait, "%q", value)
	}
}

func TestRetryAfterIsWrittenInWholeSecondsRoundedUp(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "", -time.Second: "", time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2"} {
		header := http.Header{}
		wire.SetRetryAfter(header, d)
		require.Equal(t, want, header.Get("Retry-After"), d)
	}
	require.Equal(t, time.Duration(1<<63-1).Truncate(time.Second), wire.WholeSeconds(1<<63-1), "it doesn't overflow")
}

func TestExpiredIsJudgedByTheWallClock(t *testing.T) {
	now := time.Now()
	require.False(t, wire.Expired(time.Time{}, now), "no known expiry")
	require.False(t, wire.Expired(now.Add(1), now))
	require.True(t, wire.Expired(now, now))
	require.True(t, wire.Expired(now.Add(-1), now))
	require.True(t, wire.Expired(time.Time{}.Add(1), now))
	slept := now.Add(time.Hour)
	*(*int64)(unsafe.Add(unsafe.Pointer(&slept), 8)) -= int64(time.Hour) // the monotonic clock stood still
	require.Zero(t, slept.Sub(now))
	require.Equal(t, time.Hour, slept.Round(0).Sub(now.Round(0)))
	require.True(t, wire.Expired(now.Add(time.Minute), slept))
}

func TestATimeThatCannotBeSaidIsTheNearestThatCan(t *testing.T) {
	require.Empty(t, wire.FormatTime(time.Time{}))
	require.Equal(t, "2026-05-01T10:00:00Z", wire.FormatTime(time.Date(2026, 5, 1, 12, 0, 0, 999, time.FixedZone("", 7200))))
	require.Equal(t, "9999-12-31T23:59:59Z", wire.FormatTime(time.Unix(1<<55, 0)))
	require.True(t, wire.Sayable(time.Unix(-1<<55, 0)).IsZero())
}

func TestGitAnswerIsACredentialThatGitReadsInOneWay(t *testing.T) {
	answer, err := wire.GitAnswer("x-access-token", "ghs_abc", time.Unix(1893456000, 999), false)
	require.NoError(t, err)
	require.Equal(t, "username=x-access-token\npassword=ghs_abc\npassword_expiry_utc=1893456000\n", answer)
	answer, err = wire.GitAnswer("x", "y", time.Time{}, true)
	require.NoError(t, err)
	require.Equal(t, "capability[]=authtype\nauthtype=Basic\ncredential=eDp5\nephemeral=1\n", answer)

	for _, bad := range []struct{ username, token string }{
		{"x", ""}, {"x", "s3cret\nhost=evil.example"}, {"x", "s3cret "}, {"x", strings.Repeat("t", 32<<10+1)},
		{"", "t"}, {"s3cret:", "t"}, {"s3cret\n", "t"},
	} {
		answer, err := wire.GitAnswer(bad.username, bad.token, time.Time{}, false)
		require.Error(t, err, "%q", bad)
		require.NotContains(t, err.Error(), "s3cret")
		require.Empty(t, answer)
	}
}
