package githubapp_test

import (
	"net/http"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestARevokedTokenIsDeadAndDroppedAtAnyAge(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	i, other := app.Installation(installationID), app.Installation(installationID, contentsRead)
	token, _ := g.mint(t, i)
	kept, _ := g.mint(t, other)
	require.NoError(t, app.Revoke(t.Context(), token))
	require.Equal(t, http.StatusUnauthorized, g.status(t, token, "/installation/repositories"))

	fresh, _ := g.mint(t, i)
	require.NotEqual(t, token, fresh)
	again, _ := g.mint(t, other)
	require.Equal(t, kept, again)

	require.NoError(t, app.Revoke(t.Context(), token), "dead already")
}

func TestATokenThatCannotBeRevokedIsAnErrorThatDoesNotShowIt(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	token, _ := g.mint(t, app.Installation(installationID))
	g.Fail(githubapptest.Rule{Method: http.MethodDelete, Fault: githubapptest.HTML(503)})
	err := app.Revoke(t.Context(), token)
	require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
	require.NotContains(t, err.Error(), token)
	require.ErrorContains(t, err, tokenprovider.TokenSHA256(token))

	for _, bad := range []string{"", "a\nb"} {
		require.Equal(t, tokenprovider.CodeInvalidRequest, tokenprovider.CodeOf(app.Revoke(t.Context(), bad)))
	}
}
