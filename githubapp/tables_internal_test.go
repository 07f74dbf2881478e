package githubapp

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestSkewIsTheSmallestThatExplainsTheDate(t *testing.T) {
	sent := time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		date     time.Duration // after sent
		received time.Duration
		want     time.Duration
	}{
		"none":                       {0, 100 * time.Millisecond, 0},
		"cut to the second":          {-time.Second, 0, 0},
		"a slow answer, dated first": {0, 10 * time.Second, 0},
		"a slow answer, dated last":  {10 * time.Second, 10 * time.Second, 0},
		"under two seconds":          {1900 * time.Millisecond, 0, 0},
		"ahead":                      {10 * time.Minute, time.Second, 10*time.Minute - time.Second},
		"behind":                     {-10 * time.Minute, time.Second, -10*time.Minute + time.Second},
	} {
		require.Equal(t, c.want, measure(sent.Add(c.date), sent, sent.Add(c.received)).skew, name)
	}
}

func TestNoTimeOfGitHubsIsTakenForALaterOne(t *testing.T) {
	ours := time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC)
	for _, skew := range []time.Duration{-20 * time.Minute, -2001 * time.Millisecond, 3001 * time.Millisecond, 17708 * time.Millisecond, 20 * time.Minute} {
		for ms := range 40 {
			sent := ours.Add(time.Duration(ms) * 25 * time.Millisecond)
			for _, way := range []time.Duration{0, 700 * time.Millisecond} { // there, and as long back
				theirs := sent.Add(way).Add(skew)
				c := &clock{}
				c.learn(http.Header{"Date": {theirs.Format(http.TimeFormat)}}, sent, sent.Add(2*way))
				end := theirs.Add(20 * time.Second).Truncate(time.Second)
				if c.skew() == 0 {
					require.Less(t, max(skew, -skew), 5*time.Second)
					continue
				}
				early := end.Add(-skew).Sub(c.local(end))
				require.GreaterOrEqual(t, early, time.Duration(0), "%s, %s on the way", skew, way)
				require.LessOrEqual(t, early, time.Second+2*way)
			}
		}
	}
}

func TestRetryAfterFollowsGitHubsOrder(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for name, c := range map[string]struct {
		header map[string]string
		want   time.Duration
	}{
		"no hint":                    {nil, time.Minute},
		"seconds":                    {map[string]string{"Retry-After": "17"}, 17 * time.Second},
		"seconds before a reset":     {map[string]string{"Retry-After": "17", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000500"}, 17 * time.Second},
		"a date":                     {map[string]string{"Retry-After": now.Add(90 * time.Second).UTC().Format(http.TimeFormat)}, 90 * time.Second},
		"nonsense":                   {map[string]string{"Retry-After": "soon"}, time.Minute},
		"negative":                   {map[string]string{"Retry-After": "-5"}, time.Minute},
		"zero":                       {map[string]string{"Retry-After": "0"}, time.Second},
		"beyond all measure":         {map[string]string{"Retry-After": "99999999999999999999"}, time.Minute},
		"days":                       {map[string]string{"Retry-After": "864000"}, time.Hour},
		"reset":                      {map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000500"}, 500 * time.Second},
		"reset in the past":          {map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000000"}, time.Second},
		"reset of nonsense":          {map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "x"}, time.Minute},
		"reset with some remaining":  {map[string]string{"X-RateLimit-Remaining": "14", "X-RateLimit-Reset": "1800000500"}, time.Minute},
		"reset without remaining":    {map[string]string{"X-RateLimit-Reset": "1800000500"}, time.Minute},
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
		"This installation has been suspended":            false,
		"Resource not accessible by integration":          false,
		"You have exceeded a secondary rate limit":        true,
		"You have triggered an abuse detection mechanism": true,
	} {
		require.Equal(t, want, limited(&APIError{Status: 403, Message: message}, header), message)
	}
	header.Set("X-RateLimit-Remaining", "0")
	require.True(t, limited(&APIError{Status: 403}, header))
	require.False(t, limited(&APIError{Status: 404}, header))
}

func TestAHoldIsOverWhenTheClockWasSetBack(t *testing.T) {
	var h hold
	require.NoError(t, h.check())
	h.extend(time.Minute)
	h.extend(time.Second) // doesn't shorten it
	require.ErrorContains(t, h.check(), "another 1m0s")
	h.until.Store(time.Now().Add(48 * time.Hour).UnixNano())
	require.NoError(t, h.check())
}

func TestAHoldBeginsAnewWhenTheClockWasSetBack(t *testing.T) {
	var h hold
	h.until.Store(time.Now().Add(48 * time.Hour).UnixNano())
	h.extend(time.Minute)
	require.ErrorContains(t, h.check(), "another 1m0s")
}

func TestCredentialsAreForTheSchemeHostPortAndPathOfTheBase(t *testing.T) {
	base, err := parseBaseURL("https://ghe.example.com/api/v3/")
	require.NoError(t, err)
	a := &api{base: base}
	for text, want := range map[string]bool{
		"https://ghe.example.com/api/v3/app":              true,
		"https://GHE.example.com/api/v3/repositories/1":   true,
		"http://ghe.example.com/api/v3/app":               false,
		"https://ghe.example.com:8443/api/v3/app":         false,
		"https://api.ghe.example.com/api/v3/app":          false,
		"https://ghe.example.com.evil.example/api/v3/app": false,
		"https://x@ghe.example.com/api/v3/app":            false,
		"https://ghe.example.com/app":                     false,
		"https://ghe.example.com/api/v33/app":             false,
	} {
		u, err := url.Parse(text)
		require.NoError(t, err)
		require.Equal(t, want, a.serves(u), text)
	}
}

func TestACredentialThatGitHubRepeatsIsRedactedWhateverItsForm(t *testing.T) {
	require.Equal(t, "no: [redacted]!", printable("no: v1.0123456789abcdef!", "v1.0123456789abcdef"))
}

// endless is a body that has no end, and counts what is read of it.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) { e.read += int64(len(p)); return len(p), nil }
func (e *endless) Close() error               { return nil }

func TestNoMoreOfAnAnswerIsReadThanItsBound(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		limit  int64
		want   int64
	}{
		"a mint":              {http.StatusCreated, maxMint, maxMint},
		"a lookup":            {http.StatusCreated, maxOther, maxOther},
		"a refusal to a mint": {http.StatusForbidden, maxMint, maxOther},
	} {
		t.Run(name, func(t *testing.T) {
			body := new(endless)
			a, err := newAPI(Options{BaseURL: defaultBaseURL, HTTPClient: &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: c.status, Header: http.Header{}, Body: body}, nil
			})}}, new(clock))
			require.NoError(t, err)
			_, err = a.send(t.Context(), request{method: http.MethodPost, path: "/x", want: http.StatusCreated, limit: c.limit}, "t")
			require.Error(t, err)
			require.LessOrEqual(t, body.read, c.want+512, "beyond the bound")
		})
	}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAGatewaysClockIsNotGitHubs(t *testing.T) {
	for status, learnt := range map[int]bool{http.StatusUnauthorized: true, http.StatusBadGateway: false} {
		c := new(clock)
		a, err := newAPI(Options{BaseURL: defaultBaseURL, HTTPClient: &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
			header := http.Header{"Date": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}
			return &http.Response{StatusCode: status, Header: header, Body: http.NoBody}, nil
		})}}, c)
		require.NoError(t, err)
		_, err = a.send(t.Context(), request{method: http.MethodGet, path: "/x", want: http.StatusOK, limit: maxOther}, "t")
		require.Error(t, err)
		require.Equal(t, learnt, c.skew() != 0, status)
	}
}

func TestALookupIsReadUpToItsBound(t *testing.T) {
	body := new(endless)
	app, err := New(Options{AppID: 7, PrivateKey: testutil.RSAKeyPEM(t, 0), HTTPClient: &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body}, nil
	})}})
	require.NoError(t, err)
	_, err = app.FindInstallation(t.Context(), "acme")
	require.ErrorContains(t, err, "larger than")
	require.LessOrEqual(t, body.read, int64(maxOther+512))
}

func TestNoMoreTargetsAreRememberedThanTheBound(t *testing.T) {
	var f finder
	for n := range maxFound + 10 {
		info, err := f.find(t.Context(), strconv.Itoa(n), func(context.Context) (*InstallationInfo, error) {
			return &InstallationInfo{ID: int64(1 + n)}, nil
		})
		require.NoError(t, err)
		require.EqualValues(t, 1+n, info.ID)
		require.LessOrEqual(t, len(f.found), maxFound)
	}
}

func TestOnlyGitHubsOwnWordMakesAnInstallationDead(t *testing.T) {
	for _, c := range []struct {
		answer *APIError
		want   bool
	}{
		{&APIError{Status: 403, Message: "This installation has been suspended"}, true},
		{&APIError{Status: 404, Message: "Not Found"}, true},
		{&APIError{Status: 404, Message: "Integration not found"}, false}, // the app: a wrong id in a new release, say
		{&APIError{Status: 410, Message: "Gone"}, true},
		{&APIError{Status: 410}, false},
		{&APIError{Status: 404}, false}, // a gateway's page
		{&APIError{Status: 403, Message: "Forbidden"}, false},
		{&APIError{Status: 502, Message: "Not Found"}, false},
	} {
		require.Equal(t, c.want, dead(&tokenprovider.Error{Err: c.answer}), c.answer)
	}
	require.False(t, dead(errors.New("no answer")))
}
