package statuspage_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/provisionhook/statuspage"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestTheStatusIsForAdministratorsOnly(t *testing.T) {
	key := newKey(t)
	server := serve(t, statusOf(t, platform(time.Now())))
	basic := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	for name, row := range map[string]struct {
		bearer string
		change func(*http.Request)
		status int
	}{
		"an administrator":              {adminSecret, nil, 200},
		"an administrator in a browser": {"", basic("anyone", adminSecret), 200},
		"without a user name":           {"", basic("", adminSecret), 200},
		"nobody":                        {"", nil, 401},
		"a wrong bearer":                {"wrong", nil, 401},
		"a wrong password":              {"", basic("admin", "wrong"), 401},
		"no password":                   {"", basic("admin", ""), 401},
		"the secret as the user name":   {"", basic(adminSecret, ""), 401},
		"a password with a line break":  {"", basic("admin", adminSecret+"\r\nX: y"), 401},
		"a password beside a bearer": {
			"wrong", func(r *http.Request) { r.Header.Add("Authorization", "Basic OmFkbWlu") }, 401,
		},
		"two passwords": {
			"",
			func(r *http.Request) {
				r.SetBasicAuth("", adminSecret)
				r.Header.Add("Authorization", "Basic x")
			},
			401,
		},
		"Basic that isn't base64":  {"", withHeader("Authorization", "Basic "+adminSecret), 401},
		"a workspace":              {issue(t, key, "ws-1"), nil, 403},
		"a workspace in a browser": {"", basic("", issue(t, key, "ws-1")), 403},
		"Referer and Origin of the page": {
			"",
			func(r *http.Request) {
				r.Header.Set("Referer", server.URL)
				r.Header.Set("Origin", server.URL)
			},
			401,
		},
		"a cookie with the secret": {"", withHeader("Cookie", "token="+adminSecret), 401},
		"the secret in the query's a token": {
			"", func(r *http.Request) { r.URL.RawQuery = "access_token=" + adminSecret }, 401,
		},
	} {
		var change []func(*http.Request)
		if row.change != nil {
			change = append(change, row.change)
		}
		got := ask(t, server, "GET", "/", row.bearer, change...)
		require.Equal(t, row.status, got.status, name)
		require.Equal(t, "no-store", got.header.Get("Cache-Control"), name)
		switch row.status {
		case 401:
			require.Equal(t, []string{"Bearer", `Basic realm="token status", charset="UTF-8"`},
				got.header.Values("WWW-Authenticate"), name)
			require.Equal(t, `{"error":"unauthenticated","code":"unauthenticated"}`, got.body, name)
		case 403:
			require.Equal(t, `{"error":"forbidden","code":"forbidden"}`, got.body, name)
		}
	}
}

// unaskable is an error that panics when it is asked what it is.
type unaskable struct{}

func (unaskable) Error() string { return "unaskable" }
func (unaskable) Is(error) bool { panic("a defect") }

func TestTheStatusLeavesTheJudgementToTheAuthenticator(t *testing.T) {
	for name, row := range map[string]struct {
		auth   authFunc
		status int
	}{
		"a session of the platform's own": {func(r *http.Request) (tokenhttp.Principal, error) {
			if c, err := r.Cookie("session"); err != nil || c.Value != "operator" {
				return tokenhttp.Principal{}, tokenhttp.ErrUnauthenticated
			}
			return tokenhttp.Principal{Admin: true}, nil
		}, 200},
		"it doesn't know": {func(*http.Request) (tokenhttp.Principal, error) {
			return tokenhttp.Principal{}, errors.New("database is down")
		}, 503},
		"it forbids": {
			func(*http.Request) (tokenhttp.Principal, error) {
				return tokenhttp.Principal{}, tokenhttp.ErrForbidden
			},
			403,
		},
		"nobody, and no error": {func(*http.Request) (tokenhttp.Principal, error) { return tokenhttp.Principal{}, nil }, 403},
		"it panics":            {func(*http.Request) (tokenhttp.Principal, error) { panic(adminSecret) }, 503},
		"its error panics":     {func(*http.Request) (tokenhttp.Principal, error) { return tokenhttp.Principal{}, unaskable{} }, 503},
		"an error with a admin": {func(*http.Request) (tokenhttp.Principal, error) {
			return tokenhttp.Principal{Admin: true}, errors.New("x")
		}, 503},
	} {
		h, err := statuspage.New(platform(time.Now()), row.auth)
		require.NoError(t, err)
		r := newRequest("GET", "/", "")
		r.AddCookie(&http.Cookie{Name: "session", Value: "operator"})
		got := record(h, r)
		require.Equal(t, row.status, got.Code, name)
		if row.status == 503 {
			require.Equal(t, "5", got.Header().Get("Retry-After"), name)
		}
	}
}

func TestAPasswordIsTriedOnlyWhereNobodyIsKnown(t *testing.T) {
	for _, refusal := range []error{tokenhttp.ErrForbidden, errors.New("database is down"), tokenhttp.ErrUnauthenticated} {
		var asked []string
		h, err := statuspage.New(platform(time.Now()), authFunc(func(r *http.Request) (tokenhttp.Principal, error) {
			asked = append(asked, r.Header.Get("Authorization"))
			return tokenhttp.Principal{}, refusal
		}))
		require.NoError(t, err)
		r := newRequest("GET", "/", "")
		r.SetBasicAuth("", adminSecret)
		basic := r.Header.Get("Authorization")
		record(h, r)
		want := []string{basic}
		if refusal == tokenhttp.ErrUnauthenticated {
			want = append(want, "Bearer "+adminSecret)
		}
		require.Equal(t, want, asked)
		require.Equal(t, basic, r.Header.Get("Authorization"), "the request stays as it was")
	}
}

func TestAnAuthenticatorThatAbortsTheAnswerAbortsIt(t *testing.T) {
	h, err := statuspage.New(platform(time.Now()), authFunc(func(*http.Request) (tokenhttp.Principal, error) {
		panic(http.ErrAbortHandler)
	}))
	require.NoError(t, err)
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { record(h, newRequest("GET", "/", "")) })
}

func TestThereIsNoStatusPageWithoutAnAuthenticator(t *testing.T) {
	_, err := statuspage.New(provisionhook.NewRegistry(), nil)
	require.ErrorContains(t, err, "Authenticator")
	_, err = statuspage.New(provisionhook.NewRegistry(), (*tokenhttp.WorkspaceKey)(nil))
	require.ErrorContains(t, err, "Authenticator")
}

func TestABrowserIsToldToTrustTheStatusPageWithNothing(t *testing.T) {
	h := statusOf(t, platform(time.Now()))
	for _, bearer := range []string{adminSecret, "wrong", ""} {
		got := record(h, newRequest("GET", "/", bearer)).Header()
		require.Regexp(t,
			`^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$`,
			got.Get("Content-Security-Policy"))
		for name, want := range map[string]string{
			"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Pragma": "no-cache",
			"X-Content-Type-Options": "nosniff", "Vary": "Accept",
		} {
			require.Equal(t, want, got.Get(name), name)
		}
	}
	page := record(h, newRequest("GET", "/", adminSecret)).Body.String()
	require.NotRegexp(t,
		`(?i)<script|<link|<img|<iframe|<form|<object|@import|url\(|https?:|\son[a-z]+=|\sstyle=`,
		strings.ReplaceAll(page, "sha256", ""))
	require.Contains(t, page, `<html lang="en">`)
	require.Contains(t, page, `<meta name="viewport" content="width=device-width, initial-scale=1">`)
}
