package githubapptest_test

import (
	"crypto/rand"
	"crypto/rsa"
	"path/filepath"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// newKey is for examples, which have no testing.TB.
func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func TestSetUpMakesEverythingThatGitNeeds(t *testing.T) {
	t.Parallel()
	testutil.NeedTool(t, "git")
	f := newFake(t, &githubapptest.Options{TLS: true})
	one, err := f.SetUp("team/one", "team/two")
	require.NoError(t, err)
	require.Len(t, one.GitURLs, 2)
	other, err := f.SetUp("solo/three")
	require.NoError(t, err)
	require.NotEqual(t, one.AppID, other.AppID)
	require.NotEqual(t, one.InstallationID, other.InstallationID)

	for setup, reach := range map[*githubapptest.Setup][]string{one: {"team/one", "team/two"}, other: {"solo/three"}} {
		key, err := jwt.ParseRSAPrivateKeyFromPEM(setup.PrivateKey())
		require.NoError(t, err)
		claims := jwt.MapClaims{"iss": setup.ClientID, "iat": f.Now().Unix(), "exp": f.Now().Unix() + 60}
		signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(key)
		require.NoError(t, err)
		require.Equal(t, setup.Slug, f.do("GET", "/app", "Bearer "+signed, "").json["slug"])

		token := mint(f.Server, setup)
		list := f.do("GET", "/installation/repositories", "Bearer "+token, "")
		require.Equal(t, reach, fullNames(list.json["repositories"]))
		for _, url := range setup.GitURLs {
			f.newGit(token).Run(t, "", "clone", "--quiet", url, filepath.Join(t.TempDir(), "clone"))
		}
		testutil.RequireRedacted(t, setup, string(setup.PrivateKey()), key.D.String(), key.D.Text(16))
		testutil.RequireRedactedDirectly(t, *setup, string(setup.PrivateKey()), key.D.String(), key.D.Text(16))
	}

	_, err = f.SetUp()
	require.ErrorContains(t, err, "at least one repository")
	_, err = f.SetUp("team/four", "solo/five")
	require.ErrorContains(t, err, `"solo/five" is not of "team"`)
	_, err = f.SetUp("team/one")
	require.ErrorContains(t, err, "was added before")
}
