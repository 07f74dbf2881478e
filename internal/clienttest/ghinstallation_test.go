package clienttest

import (
	"net/http"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// ghinstallation mints when its token is about to die, and sends null where it asks for no less than everything.
func TestGHInstallationKeepsItsTokenFresh(t *testing.T) {
	f := newFake(t, &githubapptest.Options{TokenLife: 2 * time.Minute})
	transport, err := ghinstallation.New(f.witness, appID, alice, testutil.RSAKeyPEM(t, 0))
	require.NoError(t, err)
	transport.BaseURL = f.URL + "/api/v3"
	http := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	get := func() {
		t.Helper()
		resp, err := http.Get(f.URL + "/api/v3/installation/repositories")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, 200, resp.StatusCode)
	}
	get()
	get()
	require.Equal(t, 1, f.Mints())
	require.Equal(t, "null\n", string(f.Requests()[0].Body))

	f.SetTokenLife(time.Second) // less than the minute before its end at which it asks for another one
	transport, err = ghinstallation.New(f.witness, appID, alice, testutil.RSAKeyPEM(t, 0))
	require.NoError(t, err)
	transport.BaseURL = f.URL + "/api/v3"
	http.Transport = transport
	get()
	get()
	require.Equal(t, 3, f.Mints())

	repositories, err := transport.Repositories()
	require.NoError(t, err)
	require.Empty(t, repositories, "an answer lists them only when the token was narrowed to some")
	permissions, err := transport.Permissions()
	require.NoError(t, err)
	require.Equal(t, "read", permissions.GetContents())
}
