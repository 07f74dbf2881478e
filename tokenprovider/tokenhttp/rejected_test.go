package tokenhttp_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestRejectedTokensAreToldUntilTheyAreHandedOutAgain(t *testing.T) {
	var status atomic.Int64
	var told []string
	server := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		told = r.Header.Values("Provisionkit-Rejected")
		answering(int(status.Load()), "application/json", `{"token":"`+tokenSecret+`"}`)(w, r)
	})
	c := &tokenhttp.Client{URL: server.URL + "/token", Bearer: tokenprovider.Static(bearerSecret)}
	delivered, other := tokenprovider.TokenSHA256(tokenSecret), tokenprovider.TokenSHA256("never delivered")
	require.False(t, c.Invalidate("never delivered"))
	require.False(t, c.Invalidate(""))
	status.Store(503)
	for range 3 {
		requireCode(t, c, tokenprovider.CodeUnavailable)
		require.Equal(t, []string{other}, told)
	}
	succeed := func() {
		_, _, err := c.Token(t.Context())
		require.NoError(t, err)
	}
	status.Store(200)
	for range 3 {
		succeed()
		require.Equal(t, []string{other}, told, "another replica may have it still")
	}
	require.True(t, c.Invalidate(tokenSecret))
	require.False(t, c.Invalidate(tokenSecret), "it isn't held any more")
	succeed()
	require.Equal(t, []string{delivered, other}, told, "the newest comes first")
	succeed()
	require.Equal(t, []string{other}, told, "the endpoint knows it, and has no better one")
	require.True(t, c.Invalidate(tokenSecret))
	require.False(t, c.Invalidate("never delivered"))
	succeed()
	require.Equal(t, []string{other, delivered}, told, "each is told once")
	for n := range 20 {
		c.Invalidate(fmt.Sprint("token-", n))
	}
	succeed()
	require.Len(t, told, 16)
	require.Equal(t, tokenprovider.TokenSHA256("token-19"), told[0])
}

func TestARejectionThatComesDuringACallIsToldByTheNext(t *testing.T) {
	var told []string
	var c *tokenhttp.Client
	digest := tokenprovider.TokenSHA256(tokenSecret)
	server := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		told = append(told, r.Header.Get("Provisionkit-Rejected"))
		if len(told) == 2 {
			c.Invalidate(tokenSecret)
		}
		answering(200, "application/json", `{"token":"`+tokenSecret+`"}`)(w, r)
	})
	c = &tokenhttp.Client{URL: server.URL + "/token", Bearer: tokenprovider.Static(bearerSecret)}
	for range 4 {
		_, _, err := c.Token(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, []string{"", "", digest, ""}, told,
		"that the same token was on its way is no answer to it")
}

func TestARefusedTokenIsReplacedFromEndToEnd(t *testing.T) {
	key := newKey(t)
	platform := tokenprovider.NewCache(&issuer{}, &tokenprovider.CacheOptions{Settle: -1})
	server := serve(t, newHandler(t, key, fixed(platform), nil))
	c := &tokenhttp.Client{
		URL:    server.URL + workspacePath("ws-1"),
		Bearer: tokenprovider.Static(issue(t, key, "ws-1")),
	}
	workspace := tokenprovider.NewCache(c, &tokenprovider.CacheOptions{Settle: -1})
	first, _, err := workspace.Token(t.Context())
	require.NoError(t, err)
	require.True(t, tokenprovider.Invalidate(workspace, first))
	second, _, err := workspace.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"token-1", "token-2"}, []string{first, second})
}

func TestARejectedTokenIsReplacedAndOnlyThatOne(t *testing.T) {
	for name, source := range map[string]func(*provisionhook.Registry) tokenhttp.Source{
		"FirstProvider": func(r *provisionhook.Registry) tokenhttp.Source { return tokenhttp.FirstProvider(r) },
		"PerWorkspace":  func(r *provisionhook.Registry) tokenhttp.Source { return tokenhttp.PerWorkspace(r) },
	} {
		t.Run(name, func(t *testing.T) {
			key := newKey(t)
			registry := provisionhook.NewRegistry()
			registry.Register(newTenants(),
				plugin{tokenprovider.NewCache(&issuer{}, &tokenprovider.CacheOptions{Settle: -1})})
			server := serve(t, newHandler(t, key, source(registry), nil))
			get := func(id string, rejected ...string) string {
				return tokenOf(t, ask(t, server, "POST", workspacePath(id), issue(t, key, id), func(r *http.Request) {
					for _, digest := range rejected {
						r.Header.Add("Provisionkit-Rejected", digest)
					}
				}))
			}
			first, other := get("ws-1"), get("ws-2")
			digest := tokenprovider.TokenSHA256(first)
			require.Equal(t, first,
				get("ws-1", "garbage", "", tokenprovider.TokenSHA256("never issued"), first),
				"only the digest of the held token counts")

			second := get("ws-1", "garbage, "+digest) // a proxy may join the lines of a header
			require.NotEqual(t, first, second)
			require.Equal(t, second, get("ws-1", digest),
				"a report that comes late doesn't concern the token after it")
			digests := []string{digest, tokenprovider.TokenSHA256(second)}
			require.Equal(t, second, get("ws-1", digests...), "another report isn't believed so soon")
			if name == "PerWorkspace" {
				require.Equal(t, other, get("ws-2", digest), "another workspace's token stays")
				require.Equal(t, other, get("ws-2", tokenprovider.TokenSHA256(second)),
					"and nobody else can drop it")
				require.Equal(t, second, get("ws-1"))
			}
		})
	}
}

// backlog has one token after the other, as when the next one comes from a
// store that others fill, and the last for good.
type backlog struct {
	tokens []string
	calls  int
}

func (b *backlog) Token(context.Context) (string, time.Time, error) {
	b.calls++
	return b.tokens[0], time.Time{}, nil
}

func (b *backlog) Invalidate(token string) bool {
	if token == b.tokens[0] && len(b.tokens) > 1 {
		b.tokens = b.tokens[1:]
	}
	return true
}

func TestEachTokenThatIsRejectedIsDroppedOnce(t *testing.T) {
	key := newKey(t)
	var reports []string
	for _, token := range []string{"first", "second", "last"} {
		reports = append(reports, tokenprovider.TokenSHA256(token))
	}
	for name, c := range map[string]struct {
		reports []string
		want    string
		calls   int
	}{
		"two of three":                  {reports[:2], "last", 3},
		"in another order, and twice":   {[]string{reports[1], reports[0], reports[1]}, "last", 3},
		"one that comes after":          {reports[1:2], "first", 1},
		"all, and there is no new one":  {reports, "last", 4},
		"as many as are heard":          {append(make([]string, 15), reports[0]), "second", 2},
		"one more":                      {append(make([]string, 16), reports[0]), "first", 1},
		"a header full of nothing":      {[]string{strings.Repeat(",", 16) + reports[0]}, "first", 1},
		"the only one, again and again": {[]string{reports[0], reports[0]}, "second", 2},
	} {
		b := &backlog{tokens: []string{"first", "second", "last"}}
		r := newRequest("GET", workspacePath("ws-1"), issue(t, key, "ws-1"))
		r.Header["Provisionkit-Rejected"] = c.reports
		w := record(newHandler(t, key, fixed(b), nil), r)
		require.Equal(t, c.want, tokenOf(t, answer{status: w.Code, body: w.Body.String()}), name)
		require.Equal(t, c.calls, b.calls, name)
	}
}

func TestATokenTooYoungToBeJudgedIsServedAlthoughItIsRejected(t *testing.T) {
	key := newKey(t)
	mint := &issuer{}
	server := serve(t, newHandler(t, key, fixed(tokenprovider.NewCache(mint, nil)), nil))
	for range 20 {
		got := ask(t, server, "GET", "/workspaces/ws-1/token", issue(t, key, "ws-1"),
			withHeader("Provisionkit-Rejected", tokenprovider.TokenSHA256("token-1")))
		require.Equal(t, "token-1", tokenOf(t, got))
	}
	require.EqualValues(t, 1, mint.minted.Load(), "a flood of reports is no flood of mints")
}

func TestAReportCostsAProviderThatHoldsNoTokenNothing(t *testing.T) {
	key := newKey(t)
	var calls atomic.Int64
	server := serve(t, newHandler(t, key, fixed(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
		calls.Add(1)
		return tokenSecret, time.Time{}, nil
	})), nil))
	got := ask(t, server, "GET", "/workspaces/ws-1/token", issue(t, key, "ws-1"),
		withHeader("Provisionkit-Rejected", tokenprovider.TokenSHA256(tokenSecret)))
	require.Equal(t, tokenSecret, tokenOf(t, got))
	require.EqualValues(t, 1, calls.Load())
}
