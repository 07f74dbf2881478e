package githubapptest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

func TestEachFaultShowsOnTheWire(t *testing.T) {
	t.Parallel()
	refused := func(status int, message string) func(*testing.T, *response, error) {
		return func(t *testing.T, resp *response, err error) {
			require.NoError(t, err)
			require.Equal(t, status, resp.StatusCode)
			require.Equal(t, message, resp.message())
			require.Equal(t, strconv.Itoa(status), resp.json["status"])
			require.NotEmpty(t, resp.Header.Get("X-GitHub-Request-Id"))
			require.NotEmpty(t, resp.Header.Get("Date"))
			require.Equal(t, "application/json; charset=utf-8", resp.Header.Get("Content-Type"))
		}
	}
	// limited is refused and looks at the three headers that tell a client how
	// long to wait; "" means absent.
	limited := func(status int, message, remaining, reset, retryAfter string) func(*testing.T, *response, error) {
		return func(t *testing.T, resp *response, err error) {
			refused(status, message)(t, resp, err)
			require.Equal(t, remaining, resp.Header.Get("X-RateLimit-Remaining"))
			require.Equal(t, retryAfter, resp.Header.Get("Retry-After"))
			if reset == "" {
				require.Empty(t, resp.Header.Values("X-RateLimit-Reset"))
				return
			}
			in, err := time.ParseDuration(reset)
			require.NoError(t, err)
			at, err := strconv.ParseInt(resp.Header.Get("X-RateLimit-Reset"), 10, 64)
			require.NoError(t, err)
			require.WithinDuration(t, time.Now().Add(in), time.Unix(at, 0), 5*time.Second)
		}
	}
	minted := func(check func(*testing.T, *response)) func(*testing.T, *response, error) {
		return func(t *testing.T, resp *response, err error) {
			require.NoError(t, err)
			require.Equal(t, http.StatusCreated, resp.StatusCode)
			require.EqualValues(t, len(resp.body), resp.ContentLength)
			check(t, resp)
		}
	}
	body := func(status int, contentType, contains string) func(*testing.T, *response, error) {
		return func(t *testing.T, resp *response, err error) {
			require.NoError(t, err)
			require.Equal(t, status, resp.StatusCode)
			require.Equal(t, contentType, resp.Header.Get("Content-Type"))
			require.Contains(t, string(resp.body), contains)
		}
	}
	redirected := func(status int, to string) func(*testing.T, *response, error) {
		return func(t *testing.T, resp *response, err error) {
			require.NoError(t, err)
			require.Equal(t, status, resp.StatusCode)
			require.Contains(t, resp.Header.Get("Location"), to)
			require.Equal(t, resp.Header.Get("Location"), resp.json["url"])
		}
	}
	padded := func(n int) func(*testing.T, *response, error) {
		return func(t *testing.T, resp *response, err error) {
			require.NoError(t, err)
			require.EqualValues(t, -1, resp.ContentLength)
			require.Greater(t, len(resp.body), n)
			require.NotEmpty(t, resp.json["token"], "it is the same JSON")
		}
	}
	const (
		primary   = "API rate limit exceeded for app ID 12."
		secondary = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
		abuse     = "You have triggered an abuse detection mechanism. Please wait a few minutes before you try again."
	)
	for name, c := range map[string]struct {
		fault githubapptest.Fault
		check func(*testing.T, *response, error)
	}{
		"Suspended":               {githubapptest.Suspended, refused(403, "This installation has been suspended")},
		"NotFound":                {githubapptest.NotFound, refused(404, "Not Found")},
		"AppNotFound":             {githubapptest.AppNotFound, refused(404, "Integration not found")},
		"UndecodableJWT":          {githubapptest.UndecodableJWT, refused(401, undecodable)},
		"ClockFast":               {githubapptest.ClockFast, refused(401, tooFar)},
		"ClockSlow":               {githubapptest.ClockSlow, refused(401, expired)},
		"IssuedInFuture":          {githubapptest.IssuedInFuture, refused(401, issuedAhead)},
		"IssuerNotInteger":        {githubapptest.IssuerNotInteger, refused(401, badIssuer)},
		"RequiresAuthentication":  {githubapptest.RequiresAuthentication, refused(401, "Requires authentication")},
		"BadCredentials":          {githubapptest.BadCredentials, refused(401, "Bad credentials")},
		"NotAccessible":           {githubapptest.NotAccessible, refused(403, "Resource not accessible by integration")},
		"PermissionNotGranted":    {githubapptest.PermissionNotGranted, refused(422, "The permissions requested are not granted to this installation.")},
		"RepositoryNotAccessible": {githubapptest.RepositoryNotAccessible, refused(422, "There is at least one repository that does not exist or is not accessible to the parent installation.")},
		"TooManyRepositories":     {githubapptest.TooManyRepositories, refused(422, "Too many repositories for installation. At most 500 repositories are permitted.")},
		"EndpointSpammed":         {githubapptest.EndpointSpammed, refused(422, "Validation failed, or the endpoint has been spammed.")},
		"LoginAttempts":           {githubapptest.LoginAttempts, refused(403, "Maximum number of login attempts exceeded. Please try again later.")},
		"APIVersionEnded":         {githubapptest.APIVersionEnded, refused(410, "This API version is no longer supported. Please use a newer version.")},
		"Refusal":                 {githubapptest.Refusal(451, "No."), refused(451, "No.")},

		"ValidationFailed": {githubapptest.ValidationFailed("too many", map[string]string{"code": "invalid"}), func(t *testing.T, resp *response, err error) {
			refused(422, "Validation Failed")(t, resp, err)
			require.Equal(t, []any{"too many", map[string]any{"code": "invalid"}}, resp.json["errors"])
		}},

		"PrimaryLimit":                    {githubapptest.PrimaryLimit(403, 20*time.Minute), limited(403, primary, "0", "20m", "")},
		"PrimaryLimit without a reset":    {githubapptest.PrimaryLimit(429, 0), limited(429, primary, "0", "", "")},
		"SecondaryLimit":                  {githubapptest.SecondaryLimit(429, 1500*time.Millisecond), limited(429, secondary, "4999", "1h", "2")},
		"SecondaryLimit without a hint":   {githubapptest.SecondaryLimit(403, 0), limited(403, secondary, "4999", "1h", "")},
		"AbuseDetection":                  {githubapptest.AbuseDetection(time.Minute), limited(403, abuse, "4999", "1h", "60")},
		"HTML":                            {githubapptest.HTML(502), body(502, "text/html; charset=utf-8", "<h1>Bad Gateway</h1>")},
		"Body":                            {githubapptest.Body(503, "text/plain", "unavailable"), body(503, "text/plain", "unavailable")},
		"an empty Body":                   {githubapptest.Body(504, "text/plain", ""), body(504, "text/plain", "")},
		"Redirect to another host":        {githubapptest.Redirect(302, "https://evil.example/x"), redirected(302, "https://evil.example/x")},
		"Redirect to a path of this host": {githubapptest.Redirect(301, "/x"), redirected(301, "http://127.0.0.1:")},
		"Redirect in a loop":              {githubapptest.Redirect(307, ""), redirected(307, mintPath)},
		"HugeBody":                        {githubapptest.HugeBody(2 << 20), padded(2 << 20)},
		"GzipBomb":                        {githubapptest.GzipBomb(2 << 20), padded(2 << 20)},
		"Delay":                           {githubapptest.Delay(time.Millisecond), minted(func(*testing.T, *response) {})},
		"MintEmptyObject":                 {githubapptest.MintEmptyObject, minted(func(t *testing.T, r *response) { require.Equal(t, "{}", string(r.body)) })},
		"MintNull":                        {githubapptest.MintNull, minted(func(t *testing.T, r *response) { require.Equal(t, "null", string(r.body)) })},
		"MintEmptyToken":                  {githubapptest.MintEmptyToken, minted(func(t *testing.T, r *response) { require.Equal(t, "", r.json["token"]) })},
		"MintNoToken":                     {githubapptest.MintNoToken, minted(func(t *testing.T, r *response) { require.NotContains(t, r.json, "token") })},
		"MintNoExpiry":                    {githubapptest.MintNoExpiry, minted(func(t *testing.T, r *response) { require.NotContains(t, r.json, "expires_at") })},
		"MintZeroExpiry":                  {githubapptest.MintZeroExpiry, minted(func(t *testing.T, r *response) { require.Equal(t, "0001-01-01T00:00:00Z", r.json["expires_at"]) })},
		"SetField": {githubapptest.SetField("permissions", nil), minted(func(t *testing.T, r *response) {
			require.Contains(t, r.json, "permissions")
			require.Nil(t, r.json["permissions"])
		})},
		"DropField": {githubapptest.DropField("permissions"), minted(func(t *testing.T, r *response) { require.NotContains(t, r.json, "permissions") })},
		"SetHeader": {githubapptest.SetHeader("Link", "<x>"), minted(func(t *testing.T, r *response) { require.Equal(t, "<x>", r.Header.Get("Link")) })},
		"DateOffset": {githubapptest.DateOffset(time.Hour), minted(func(t *testing.T, r *response) {
			date, err := http.ParseTime(r.Header.Get("Date"))
			require.NoError(t, err)
			require.WithinDuration(t, time.Now().Add(time.Hour), date, 10*time.Second)
		})},
		"NoDate": {githubapptest.NoDate, minted(func(t *testing.T, r *response) { require.Empty(t, r.Header.Values("Date")) })},
		"MintPastExpiry": {githubapptest.MintPastExpiry, minted(func(t *testing.T, r *response) {
			at, err := time.Parse(time.RFC3339, r.json["expires_at"].(string))
			require.NoError(t, err)
			require.WithinDuration(t, time.Now().Add(-time.Hour), at, 5*time.Second)
		})},
		"MintWiderGrant": {githubapptest.MintWiderGrant, minted(func(t *testing.T, r *response) {
			require.Equal(t, map[string]any{"contents": "write", "issues": "read", "metadata": "read"}, r.json["permissions"])
			require.Equal(t, "all", r.json["repository_selection"])
		})},
		"Disconnect": {githubapptest.Disconnect, func(t *testing.T, resp *response, err error) {
			require.Nil(t, resp)
			require.ErrorIs(t, err, io.EOF)
		}},
		"Reset": {githubapptest.Reset, func(t *testing.T, resp *response, err error) {
			require.Nil(t, resp)
			require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF), "%v", err)
		}},
		"Hang": {githubapptest.Hang, func(t *testing.T, resp *response, err error) {
			require.Nil(t, resp)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}},
		"a Delay longer than the client's patience": {githubapptest.Delay(time.Hour), func(t *testing.T, resp *response, err error) {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}},
		"SlowBody": {githubapptest.SlowBody(20 * time.Millisecond), func(t *testing.T, resp *response, err error) {
			require.Equal(t, http.StatusCreated, resp.StatusCode, "the headers come at once")
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotEmpty(t, resp.body)
		}},
		"Truncate": {githubapptest.Truncate, func(t *testing.T, resp *response, err error) {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.NotEmpty(t, resp.body)
			require.Less(t, int64(len(resp.body)), resp.ContentLength)
		}},
		"ShortLength": {githubapptest.ShortLength, func(t *testing.T, resp *response, err error) {
			require.NoError(t, err, "nothing but the JSON says that half is missing")
			require.NotEmpty(t, resp.body)
			require.Nil(t, resp.json)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, nil)
			f.addRepositoryName()
			f.Fail(githubapptest.Rule{Fault: c.fault, Times: 1})
			// Only the faults that never end take as long as this.
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			if strings.Contains(name, "Hang") || strings.Contains(name, "patience") || name == "SlowBody" {
				ctx, cancel = context.WithTimeout(t.Context(), 250*time.Millisecond)
			}
			defer cancel()
			resp, err := f.try(ctx, "POST", mintPath, f.bearer(), `{"repositories":["one"],"permissions":{"contents":"read"}}`)
			c.check(t, resp, err)
			f.mint("") // and then all is well again
		})
	}
}

// addRepositoryName gives the account a repository for the API alone.
func (f *fake) addRepositoryName() {
	f.AddInstallation(githubapptest.Installation{ID: 1, AppID: appID, Account: account, Repositories: []string{"acme/one"}})
}

func TestFaultsWorkOverHTTP2(t *testing.T) {
	t.Parallel()
	f := newFake(t, &githubapptest.Options{TLS: true})
	for name, fault := range map[string]githubapptest.Fault{
		"Disconnect": githubapptest.Disconnect, "Reset": githubapptest.Reset, "Truncate": githubapptest.Truncate,
	} {
		f.Fail(githubapptest.Rule{Fault: fault, Times: 1})
		_, err := f.try(t.Context(), "POST", mintPath, f.bearer(), "")
		require.Error(t, err, name)
		f.mint("")
	}
}

func TestARuleSaysWhichRequestsGoWrong(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	for name, c := range map[string]struct {
		rule githubapptest.Rule
		want string // of ten requests for /app: F goes wrong, . doesn't
	}{
		"all":                     {githubapptest.Rule{}, "FFFFFFFFFF"},
		"the first three":         {githubapptest.Rule{Times: 3}, "FFF......."},
		"two after the fourth":    {githubapptest.Rule{Skip: 4, Times: 2}, "....FF...."},
		"each third":              {githubapptest.Rule{Every: 3}, "..F..F..F."},
		"each third, but once":    {githubapptest.Rule{Every: 3, Times: 1}, "..F......."},
		"the method in any case":  {githubapptest.Rule{Method: "get"}, "FFFFFFFFFF"},
		"another method":          {githubapptest.Rule{Method: "POST"}, ".........."},
		"the path":                {githubapptest.Rule{Path: "/app"}, "FFFFFFFFFF"},
		"a pattern":               {githubapptest.Rule{Path: "/a*"}, "FFFFFFFFFF"},
		"another path":            {githubapptest.Rule{Path: "/app/*"}, ".........."},
		"below it":                {githubapptest.Rule{Path: "/app/**"}, ".........."},
		"below the root":          {githubapptest.Rule{Path: "/**"}, "FFFFFFFFFF"},
		"a condition that holds":  {githubapptest.Rule{Match: func(r *http.Request) bool { return r.Host != "" }}, "FFFFFFFFFF"},
		"one that doesn't":        {githubapptest.Rule{Match: func(r *http.Request) bool { return r.Host == "" }}, ".........."},
		"the path without prefix": {githubapptest.Rule{Path: "/api/v3/app"}, ".........."},
	} {
		t.Run(name, func(t *testing.T) {
			c.rule.Fault = githubapptest.Refusal(418, "")
			stop := f.Fail(c.rule)
			var got strings.Builder
			for range 10 {
				got.WriteByte(".F"[btoi(f.do("GET", "/app", f.bearer(), "").StatusCode == 418)])
			}
			require.Equal(t, c.want, got.String())
			stop()
			stop()
			require.Equal(t, 200, f.do("GET", "/app", f.bearer(), "").StatusCode)
		})
	}
	t.Run("a pattern below a path reaches as deep as it goes", func(t *testing.T) {
		defer f.Fail(githubapptest.Rule{Path: "/app/*/**", Fault: githubapptest.Refusal(418, "")})()
		require.Equal(t, 418, f.do("POST", mintPath, f.bearer(), "").StatusCode)
		require.Equal(t, 418, f.do("POST", "/api/v3"+mintPath, f.bearer(), "").StatusCode)
		require.Equal(t, 200, f.do("GET", "/app/installations", f.bearer(), "").StatusCode)
	})
	t.Run("several rules form a script", func(t *testing.T) {
		f.Fail(githubapptest.Rule{Times: 1, Fault: githubapptest.HTML(502)})
		f.Fail(githubapptest.Rule{Times: 1, Fault: githubapptest.HTML(503)})
		var statuses []int
		for range 3 {
			statuses = append(statuses, f.do("GET", "/app", f.bearer(), "").StatusCode)
		}
		require.Equal(t, []int{502, 503, 200}, statuses)
	})
	t.Run("a fault of one's own", func(t *testing.T) {
		defer f.Fail(githubapptest.Rule{Fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			w.Header().Set("X-Mine", "yes")
			next.ServeHTTP(w, r)
		}})()
		require.Equal(t, "yes", f.do("GET", "/app", f.bearer(), "").Header.Get("X-Mine"))
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
