package tokenhttp_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// request is one that TestTheFirstThingThatIsWrongDecides mends step by step.
type request struct {
	method, path, query, bearer, accept, body string
	admit                                     error
	provider                                  tokenprovider.TokenProvider
}

func TestTheFirstThingThatIsWrongDecides(t *testing.T) {
	key := newKey(t)
	authDown := true
	r := request{
		method: "DELETE", path: "/workspaces/ws-2/secrets", query: "min_ttl=soon", bearer: "wrong",
		accept: gitCredential, body: "nonsense", admit: tokenhttp.ErrForbidden,
	}
	for _, step := range []struct {
		status int
		body   string
		mend   func()
	}{
		{404, `{"error":"not found","code":"not_found"}`, func() { r.path = "/workspaces/ws-2/token" }},
		{405, `{"error":"method not allowed","code":"invalid_request"}`, func() { r.method = "GET" }},
		{503, `{"error":"authentication unavailable","code":"unavailable"}`, func() { authDown = false }},
		{401, `{"error":"unauthenticated","code":"unauthenticated"}`, func() { r.bearer = issue(t, key, "ws-1") }},
		{403, `{"error":"forbidden","code":"forbidden"}`, func() { r.path = "/workspaces/ws-1/token" }},
		{
			403, `{"error":"forbidden","code":"forbidden"}`,
			func() { r.admit = &tokenprovider.Error{Code: tokenprovider.CodeRateLimited} },
		},
		{
			429, `{"error":"too many requests for tokens; try again later","code":"rate_limited"}`,
			func() { r.admit = errors.New("database is down") },
		},
		{503, `{"error":"admission unavailable","code":"unavailable"}`, func() { r.admit = nil }},
		{
			406,
			`{"error":"application/x-git-credential: only by POST of git's attributes","code":"invalid_request"}`,
			func() { r.method = "POST" },
		},
		{
			400,
			`{"error":"min_ttl: must be one duration of zero or more, such as 10m","code":"invalid_request"}`,
			func() { r.query = "min_ttl=1m" },
		},
		{
			400,
			`{"error":"body: line 1 of the request has no end: it may have been cut short","code":"invalid_request"}`,
			func() { r.body = "protocol=https\nhost=evil.example\n" },
		},
		{403, `{"error":"forbidden","code":"forbidden"}`, func() { r.body = "protocol=https\nhost=github.com\n" }},
		{
			404, `{"error":"no token provider registered","code":"not_configured"}`,
			func() { r.provider = failing(errors.New("down")) },
		},
		{500, `{"error":"token refresh failed","code":"unavailable"}`, func() { r.provider = leased("", time.Time{}) }},
		{
			500, `{"error":"token refresh failed: empty token","code":"internal"}`,
			func() { r.provider = leased(strings.Repeat("x", 33<<10), time.Time{}) },
		},
		{
			500, `{"error":"token refresh failed","code":"internal"}`,
			func() { r.provider = tokenprovider.Static(tokenSecret) },
		},
		{200, "username=x-access-token\npassword=" + tokenSecret + "\n", func() {}},
	} {
		h, err := tokenhttp.NewHandler(fixed(r.provider), authFunc(func(req *http.Request) (tokenhttp.Principal, error) {
			if authDown {
				return tokenhttp.Principal{}, errors.New("database is down")
			}
			return key.Authenticate(req)
		}), &tokenhttp.Options{
			Admit: func(context.Context, tokenhttp.Principal) error { return r.admit },
		})
		require.NoError(t, err)
		got := ask(t, serveDirectly(t, h), r.method, r.path+"?"+r.query, r.bearer,
			forGit(strings.NewReader(r.body)))
		require.Equal(t, step.status, got.status, got.body)
		require.Equal(t, step.body, got.body)
		step.mend()
	}
}
