package githubapp_test

import (
	"crypto"
	"fmt"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func TestNothingPrintsASecret(t *testing.T) {
	g := newGitHub(t, nil)
	private := testutil.RSAKey(t, 0)
	key := string(testutil.RSAKeyPEM(t, 0))[len("-----BEGIN RSA PRIVATE KEY-----\n"):][:64]
	opts := g.options(t)
	opts.Signers = []crypto.Signer{private}
	opts.BaseURL = "https://user:ghs_secretsecretsecret@api.github.com"
	opts.SealKeys = [][]byte{[]byte("ghs_sealed-with-this-0123456789x")}
	secrets := []string{"ghs_sealed-with-this", fmt.Sprint(opts.SealKeys[0][:20]), key, private.D.String()[:64], fmt.Sprint([]byte(key)[:20]), "ghs_secretsecretsecret"}
	testutil.RequireRedactedDirectly(t, opts, secrets...)
	testutil.RequireRedactedDirectly(t, &opts, secrets...)

	app := g.app(t)
	i := app.Installation(installationID, widgets)
	token, _ := g.mint(t, i)
	jwt, _, err := app.JWT(t.Context())
	require.NoError(t, err)
	secrets = append(secrets, token, jwt)
	for _, value := range []any{app, i, githubapp.NewMutator(i, nil), i.Status()} {
		testutil.RequireRedacted(t, value, secrets...)
	}
	require.Equal(t, "githubapp.Installation(42: repositories widgets)", fmt.Sprint(i))
	require.Equal(t, "githubapp.App(7)", fmt.Sprintf("%+v", app))
}

func TestNothingIsPrintedUnasked(t *testing.T) {
	g := newGitHub(t, nil)
	printed := testutil.CaptureProcess(t)
	app := g.app(t, func(o *githubapp.Options) { o.Logger = nil })
	g.mint(t, app.Installation(installationID))
	_, _, err := app.Installation(1).Token(t.Context())
	require.Error(t, err)
	require.Empty(t, printed.String())
}
