package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/internal/pktline"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// endless is a forge whose answer to everything is a body that goes on until
// the request is ended.
type endless struct{}

func (endless) RoundTrip(r *http.Request) (*http.Response, error) {
	in, out := io.Pipe()
	go func() {
		for {
			select {
			case <-r.Context().Done():
				out.CloseWithError(r.Context().Err())
				return
			case <-time.After(time.Second):
				_, _ = out.Write([]byte("x"))
			}
		}
	}()
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: in, Request: r, ContentLength: -1}, nil
}

// admission is what Options.Admit answers, and how often it was asked.
type admission struct {
	mu    sync.Mutex
	err   error
	asked int
}

func (a *admission) admit(context.Context, tokenhttp.Principal) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	return a.err
}

func (a *admission) answer(err error) (asked int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	asked, a.err, a.asked = a.asked, err, 0
	return asked
}

func TestAReleaseEndsWhatAWorkspaceTransfers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub, err := forge.GitHub("")
		require.NoError(t, err)
		key, err := tokenhttp.NewWorkspaceKey([]byte("a key for tests, of no less than 32 bytes"))
		require.NoError(t, err)
		bearer, err := key.Issue("ws-1", 0)
		require.NoError(t, err)
		state := &admission{}
		var records atomic.Int64
		g, err := gateway.New(gateway.Options{
			BaseURL: "https://gateway.test", Forge: hub, Auth: key, Admit: state.admit, Transport: endless{},
			Policy: func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
				return gateway.Grant{Provider: tokenprovider.Static("ghs_token")}, nil
			},
			Audit: func(context.Context, gateway.AuditRecord) { records.Add(1) },
		})
		require.NoError(t, err)
		transfer := func() (over <-chan time.Duration) {
			began, done := time.Now(), make(chan time.Duration, 1)
			go func() {
				defer func() { _ = recover(); done <- time.Since(began) }()
				r := httptest.NewRequestWithContext(t.Context(), "GET", "https://gateway.test/api/v3/repos/acme/widgets", nil)
				r.URL.Scheme, r.URL.Host = "", ""
				r.Header.Set("Authorization", "Bearer "+bearer)
				g.ServeHTTP(httptest.NewRecorder(), r)
			}()
			return done
		}
		one, two := transfer(), transfer()
		time.Sleep(21 * time.Second)
		require.Equal(t, 2+4, state.answer(errors.New("a database is down")), "two requests, then once in 5 s for both")
		time.Sleep(10 * time.Second)
		require.Empty(t, one, "nobody is thrown out on doubt")
		state.answer(tokenhttp.ErrForbidden)
		require.LessOrEqual(t, <-one, 36*time.Second)
		require.LessOrEqual(t, <-two, 36*time.Second)
		require.Equal(t, int64(2), records.Load())
		state.answer(nil)
		time.Sleep(time.Hour)
		require.Zero(t, state.answer(nil), "nobody is asked about where nothing is transferred")
	})
}

func TestABearerWithoutExpiryNeedsAnAdmit(t *testing.T) {
	p := newPlatform(t, func(_ *platform, o *gateway.Options) { o.Admit = nil })
	got := p.ask(t, "ws-1", "GET", "/api/v3/repos/acme/widgets", "")
	require.Equal(t, 401, got.status)
	_, err := p.Mutator(gateway.MutatorOptions{Key: p.key})
	require.ErrorContains(t, err, "Options.Admit")
	_, err = p.Mutator(gateway.MutatorOptions{Key: p.key, TTL: time.Hour})
	require.NoError(t, err)
	other, err := tokenhttp.NewWorkspaceKey([]byte("another key, of no less than 32 bytes"))
	require.NoError(t, err)
	_, err = p.Mutator(gateway.MutatorOptions{Key: other, TTL: time.Hour})
	require.ErrorContains(t, err, "doesn't accept bearers of MutatorOptions.Key")
}

func TestWhatAdmitSaysIsAnswered(t *testing.T) {
	state := &admission{}
	p := newPlatform(t, func(_ *platform, o *gateway.Options) { o.Admit = state.admit })
	for _, c := range []struct {
		err        error
		status     int
		retryAfter string
	}{
		{nil, 200, ""},
		{tokenhttp.ErrForbidden, 403, ""},
		{&tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: 7 * time.Second}, 429, "7"},
		{errors.New("a database is down"), 503, "5"},
	} {
		state.answer(c.err)
		got := p.ask(t, "ws-1", "GET", "/api/v3/repos/acme/widgets", "")
		require.Equal(t, c.status, got.status, got.body)
		require.Equal(t, c.retryAfter, got.header.Get("Retry-After"))
		require.NotContains(t, got.body, "database")
	}
}

func TestWhatThePolicySaysIsAnswered(t *testing.T) {
	var answer error
	provider := tokenprovider.Static("ghs_token")
	p := newPlatform(t, func(_ *platform, o *gateway.Options) {
		o.Policy = func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
			return gateway.Grant{Provider: provider}, answer
		}
	})
	for _, c := range []struct {
		err     error
		status  int
		message string
	}{
		{&gateway.Refusal{Message: "ws-1 works on acme/gadgets"}, 403, "ws-1 works on acme/gadgets"},
		{errors.New("a secret of the operator's"), 403, "the policy of this workspace doesn't allow it"},
		{&tokenprovider.Error{Code: tokenprovider.CodeRateLimited}, 429, "the platform limits this workspace's requests"},
		{&tokenprovider.Error{Code: tokenprovider.CodeUnavailable}, 503, "policy unavailable"},
		{&tokenprovider.Error{Code: tokenprovider.CodeNotFound}, 403, "the policy of this workspace doesn't allow it"},
		{fmt.Errorf("forgotten: %w", (*gateway.Refusal)(nil)), 403, "the policy of this workspace doesn't allow it"},
		{(*gateway.Refusal)(nil), 503, "policy unavailable"}, // which panics
	} {
		answer = c.err
		got := p.ask(t, "ws-1", "GET", "/api/v3/repos/acme/widgets", "")
		require.Equal(t, c.status, got.status)
		require.Equal(t, c.message, got.message(t))
		push := p.ask(t, "ws-1", "POST", "/acme/widgets.git/git-receive-pack", pktline.Line(aCommand)+"0000",
			"Content-Type", "application/x-git-receive-pack-request")
		if c.status == 403 {
			require.Contains(t, push.body, "ng refs/heads/main "+c.message)
		} else {
			require.Equal(t, c.status, push.status, "a push may be tried again")
		}
	}
	answer = nil
	for _, c := range []struct {
		provider   tokenprovider.TokenProvider
		status     int
		retryAfter string
	}{
		{failing(tokenprovider.ErrNotConfigured), 403, ""},
		{failing(errors.New("GitHub is down")), 502, ""},
		{failing(&tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: 7 * time.Second}), 502, "7"},
		{tokenprovider.Static("two words"), 502, ""},
		{tokenprovider.Func(func(context.Context) (string, time.Time, error) { panic("GitHub is down") }), 502, ""},
		{nil, 403, ""}, // GitHub's 401 without a token
	} {
		provider = c.provider
		got := p.ask(t, "ws-1", "GET", "/api/v3/repos/acme/widgets", "")
		require.Equal(t, c.status, got.status)
		require.Equal(t, c.retryAfter, got.header.Get("Retry-After"))
		require.NotContains(t, got.body, "GitHub is down")
	}
}

func failing(err error) tokenprovider.TokenProvider {
	return tokenprovider.Func(func(context.Context) (string, time.Time, error) { return "", time.Time{}, err })
}

func TestPublicFetchLetsOthersRepositoriesBeRead(t *testing.T) {
	own := &gateway.Refusal{Message: "not yours"}
	other, forgotten := errors.New("undecided"), fmt.Errorf("forgotten: %w", (*gateway.Refusal)(nil))
	for _, c := range []struct {
		op   gateway.Operation
		says error
		want error
	}{
		{gateway.Operation{Kind: gateway.KindFetch, Repository: "other/lib"}, own, nil},
		{gateway.Operation{Kind: gateway.KindLFS, Repository: "other/lib"}, own, nil},
		{gateway.Operation{Kind: gateway.KindLFS, Repository: "other/lib", Write: true}, own, own},
		{gateway.Operation{Kind: gateway.KindPush, Repository: "other/lib", Write: true}, own, own},
		{gateway.Operation{Kind: gateway.KindAPI, Repository: "other/lib"}, own, own},
		{gateway.Operation{Kind: gateway.KindFetch, Repository: "acme/secret"}, own, own},
		{gateway.Operation{Kind: gateway.KindFetch, Repository: ""}, own, own},
		{gateway.Operation{Kind: gateway.KindFetch, Repository: "other/lib"}, other, other},
		{gateway.Operation{Kind: gateway.KindFetch, Repository: "other/lib"}, forgotten, forgotten},
	} {
		policy := gateway.PublicFetch(func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
			return gateway.Grant{Provider: tokenprovider.Static("x")}, c.says
		}, "ACME")
		grant, err := policy(t.Context(), tokenhttp.Principal{}, c.op)
		require.Equal(t, c.want, err, c.op)
		if err == nil {
			require.Nil(t, grant.Provider, "no token goes along")
		}
	}
	_, err := gateway.PublicFetch(nil)(t.Context(), tokenhttp.Principal{}, gateway.Operation{})
	require.Error(t, err)
}

func TestAllowRefsNamesTheRefThatItRefuses(t *testing.T) {
	allow, err := gateway.AllowRefs("refs/heads/agent/*", "refs/heads/fix-*", "refs/tags/v1")
	require.NoError(t, err)
	push := func(names ...string) gateway.Operation {
		op := gateway.Operation{Kind: gateway.KindPush, Write: true}
		for _, name := range names {
			op.Refs = append(op.Refs, gateway.RefUpdate{Name: name})
		}
		return op
	}
	require.NoError(t, allow(push()))
	require.NoError(t, allow(push("refs/heads/agent/a", "refs/heads/agent/a/b", "refs/heads/fix-1", "refs/tags/v1")))
	for _, name := range []string{
		"refs/heads/main", "refs/heads/agent", "refs/heads/agent/", "refs/heads/agents/a", "refs/heads/fix-1/a",
		"refs/tags/v12", "refs/heads/Agent/a", "agent/a",
	} {
		require.ErrorContains(t, allow(push("refs/heads/agent/a", name)), name)
	}
	require.Error(t, allow(gateway.Operation{Kind: gateway.KindAPI, MovesRefs: true}))
	for _, pattern := range []string{"", "main", "heads/main", "refs/heads/[", "/refs/heads/x"} {
		_, err := gateway.AllowRefs(pattern)
		require.Error(t, err, pattern)
	}
	none, err := gateway.AllowRefs()
	require.NoError(t, err)
	require.ErrorContains(t, none(push("refs/heads/main")), "none")
}

func TestARuleKeepsWhatItWasMadeOf(t *testing.T) {
	patterns := []string{"refs/heads/agent/*"}
	allow, err := gateway.AllowRefs(patterns...)
	require.NoError(t, err)
	patterns[0] = "refs/heads/*"
	require.Error(t, allow(gateway.Operation{Refs: []gateway.RefUpdate{{Name: "refs/heads/main"}}}))

	own := []string{"acme"}
	policy := gateway.PublicFetch(func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
		return gateway.Grant{}, &gateway.Refusal{Message: "not yours"}
	}, own...)
	own[0] = "other"
	_, err = policy(t.Context(), tokenhttp.Principal{}, gateway.Operation{Kind: gateway.KindFetch, Repository: "acme/secret"})
	require.Error(t, err)
}
