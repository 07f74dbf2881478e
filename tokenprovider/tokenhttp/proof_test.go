package tokenhttp_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestAHandlersMutatorIsProvedAgainstTheHandler(t *testing.T) {
	key := newKey(t)
	forgetful := func(forget func(*tokenhttp.Principal)) tokenhttp.Authenticator {
		return authFunc(func(r *http.Request) (tokenhttp.Principal, error) {
			p, err := key.Authenticate(r)
			forget(&p)
			return p, err
		})
	}
	knows := func(err error) tokenhttp.Authenticator {
		return authFunc(func(*http.Request) (tokenhttp.Principal, error) { return tokenhttp.Principal{}, err })
	}
	onlyID := forgetful(func(p *tokenhttp.Principal) { p.IssuedAt, p.NoExpiry = time.Time{}, false })
	const hour, refused = time.Hour, "doesn't accept bearers of MutatorOptions.Key"
	for name, row := range map[string]struct {
		auth  tokenhttp.Authenticator
		ttl   time.Duration
		admit bool
		says  string // "": it is proved
	}{
		"the key":                       {key, 0, true, ""},
		"the key, for an hour":          {key, hour, false, ""},
		"one of several":                {anyOf(t, adminToken(t, adminSecret), key), 0, true, ""},
		"the platform's own around it":  {wrapped(key), 0, true, ""},
		"a replica's with the same key": {newKey(t, secondKey, firstKey), 0, true, ""},
		"no expiry and no Admit":        {key, 0, false, "has no Options.Admit"},
		"another key":                   {newKey(t, secondKey), 0, true, refused + ": make that WorkspaceKey"},
		"no key":                        {adminToken(t, adminSecret), hour, true, refused + ": make that WorkspaceKey"},
		"one that asks a database":      {knows(tokenhttp.ErrForbidden), 0, true, "Options.Admit the workspace"},
		"one that is down":              {knows(errors.New("database is down")), 0, true, "database is down"},
		"one that panics":               {authFunc(func(*http.Request) (tokenhttp.Principal, error) { panic("no") }), 0, true, "Authenticator panicked"},
		"one that keeps only the id":    {onlyID, 0, true, "IssuedAt and NoExpiry"},
		"the same, for an hour":         {onlyID, hour, false, ""},
		"one that loses IssuedAt":       {forgetful(func(p *tokenhttp.Principal) { p.IssuedAt = time.Time{} }), 0, true, "IssuedAt and NoExpiry"},
		"one that never sees an expiry": {forgetful(func(p *tokenhttp.Principal) { p.NoExpiry = true }), hour, true, "IssuedAt and NoExpiry"},
		"one with another workspace":    {authenticates(tokenhttp.Principal{WorkspaceID: "ws-1"}, nil), hour, true, "another WorkspaceID"},
		"one that makes them admins":    {forgetful(func(p *tokenhttp.Principal) { p.Admin = true }), hour, true, "is Admin"},
	} {
		opts := &tokenhttp.Options{}
		if row.admit {
			opts.Admit = func(context.Context, tokenhttp.Principal) error {
				t.Errorf("%s: Admit is asked about a workspace that doesn't exist", name)
				return nil
			}
		}
		h, err := tokenhttp.NewHandler(fixed(nil), row.auth, opts)
		require.NoError(t, err)
		m, err := h.Mutator(tokenhttp.MutatorOptions{BaseURL: "https://platform.example", Key: key, TTL: row.ttl})
		if row.says == "" {
			require.NoError(t, err, name)
			require.Equal(t, "token-endpoint", m.Name())
			continue
		}
		require.ErrorContains(t, err, row.says, name)
		require.Nil(t, m, name)
	}
	h := newHandler(t, key, fixed(nil), nil)
	_, err := h.Mutator(tokenhttp.MutatorOptions{Key: key, TTL: hour})
	require.ErrorContains(t, err, "MutatorOptions.BaseURL is required")
}

func TestTheProofIsARequestLikeAWorkspacesAndIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t)
		requests := make(chan *http.Request, 1)
		h, err := tokenhttp.NewHandler(fixed(nil), authFunc(func(r *http.Request) (tokenhttp.Principal, error) {
			requests <- r
			time.Sleep(time.Hour)
			return key.Authenticate(r)
		}), nil)
		require.NoError(t, err)
		began := time.Now()
		_, err = h.Mutator(tokenhttp.MutatorOptions{BaseURL: "https://platform.example/api", Key: key, TTL: time.Hour})
		require.ErrorContains(t, err, "no answer in time")
		require.Equal(t, 10*time.Second, time.Since(began))
		asked := <-requests
		require.Equal(t, "platform.example", asked.Host)
		require.True(t, strings.HasPrefix(asked.URL.Path, "/api/workspaces/provisionkit-"), asked.URL.Path)
		time.Sleep(time.Hour) // for it to end
	})
}
