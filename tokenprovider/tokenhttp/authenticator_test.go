package tokenhttp_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestAdminTokenAcceptsEachOfItsTokensAndNothingElse(t *testing.T) {
	auth := adminToken(t, "old-admin-token", "new-admin-token")
	for _, token := range []string{"old-admin-token", "new-admin-token"} {
		p, err := auth.Authenticate(bearing(token))
		require.NoError(t, err)
		require.Equal(t, tokenhttp.Principal{Admin: true}, p)
	}
	for _, token := range []string{
		"", "old-admin-toke", "old-admin-tokenx", "OLD-ADMIN-TOKEN",
		"old-admin-token,new-admin-token",
	} {
		p, err := auth.Authenticate(bearing(token))
		require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated, "%q", token)
		require.Zero(t, p)
	}
}

func TestAdminTokenNamesATokenThatNobodyMustOrCanPresent(t *testing.T) {
	for name, row := range map[string]struct {
		tokens []string
		says   string
	}{
		"none":                  {nil, "AdminToken needs a token"},
		"empty":                 {[]string{""}, "AdminToken: token 1 of 1 is empty"},
		"one of them empty":     {[]string{"secret-token", ""}, "AdminToken: token 2 of 2 is empty"},
		"a file's last newline": {[]string{"secret-token\n", "x"}, "AdminToken: token 1 of 2 has white space"},
		"a space":               {[]string{"secret token"}, "AdminToken: token 1 of 1 has white space"},
		"not ASCII":             {[]string{"secret-tok\u00e9n"}, "or isn't ASCII"},
		"endless": {
			[]string{strings.Repeat("secret", 10_000)},
			"AdminToken: token 1 of 1 is longer than 8192 bytes",
		},
	} {
		auth, err := tokenhttp.AdminToken(row.tokens...)
		require.Nil(t, auth, name)
		require.ErrorContains(t, err, row.says, name)
		require.NotContains(t, err.Error(), "secret", name)
	}
}

func TestAnyOfAcceptsWhatOneOfThemAccepts(t *testing.T) {
	accepts := func(id string) tokenhttp.Authenticator {
		return authFunc(func(*http.Request) (tokenhttp.Principal, error) {
			return tokenhttp.Principal{WorkspaceID: id}, nil
		})
	}
	answers := func(err error) tokenhttp.Authenticator {
		return authFunc(func(*http.Request) (tokenhttp.Principal, error) {
			return tokenhttp.Principal{WorkspaceID: "leaked"}, err
		})
	}
	down := errors.New("database is down")
	denies, forbids, fails := answers(tokenhttp.ErrUnauthenticated), answers(tokenhttp.ErrForbidden), answers(down)
	for name, row := range map[string]struct {
		as   []tokenhttp.Authenticator
		id   string
		want error
	}{
		"one that accepts":             {[]tokenhttp.Authenticator{accepts("a")}, "a", nil},
		"the first that accepts":       {[]tokenhttp.Authenticator{denies, accepts("a"), accepts("b")}, "a", nil},
		"one is down, another accepts": {[]tokenhttp.Authenticator{fails, accepts("a")}, "a", nil},
		"all deny":                     {[]tokenhttp.Authenticator{denies, denies}, "", tokenhttp.ErrUnauthenticated},
		"one forbids":                  {[]tokenhttp.Authenticator{denies, forbids, denies}, "", tokenhttp.ErrForbidden},
		"one is down, none accepts":    {[]tokenhttp.Authenticator{denies, fails}, "", down},
		"one is down and one forbids":  {[]tokenhttp.Authenticator{fails, forbids}, "", down},
		"the error of one wraps denial": {
			[]tokenhttp.Authenticator{
				answers(errors.Join(errors.New("expired"), tokenhttp.ErrUnauthenticated)),
			},
			"", tokenhttp.ErrUnauthenticated,
		},
	} {
		p, err := anyOf(t, row.as...).Authenticate(bearing("x"))
		require.ErrorIs(t, err, row.want, name)
		require.Equal(t, row.id, p.WorkspaceID, name)
	}
}

func TestAnyOfKeepsTheAuthenticatorsThatItWasGiven(t *testing.T) {
	as := []tokenhttp.Authenticator{adminToken(t, adminSecret)}
	auth, err := tokenhttp.AnyOf(as...)
	require.NoError(t, err)
	as[0] = adminToken(t, "another")
	_, err = auth.Authenticate(bearing("another"))
	require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated)
}

func TestAnyOfNamesTheAuthenticatorThatIsMissing(t *testing.T) {
	for says, as := range map[string][]tokenhttp.Authenticator{
		"AnyOf needs an Authenticator":       nil,
		"AnyOf: authenticator 2 of 2 is nil": {newKey(t), nil},
		"AnyOf: authenticator 1 of 1 is nil": {(*tokenhttp.WorkspaceKey)(nil)},
		"AnyOf: authenticator 1 of 2 is nil": {authFunc(nil), newKey(t)},
	} {
		auth, err := tokenhttp.AnyOf(as...)
		require.Nil(t, auth, says)
		require.ErrorContains(t, err, says)
	}
}
