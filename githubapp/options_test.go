package githubapp_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func TestNewNamesTheFieldThatIsMissingOrMalformed(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	log := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(log, []byte("ghs_secretsecretsecret"), 0o600))
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		opts githubapp.Options
		says string
	}{
		"nothing":            {githubapp.Options{}, "Options.AppID and Options.ClientID are both missing"},
		"no id":              {githubapp.Options{PrivateKey: key}, "Options.AppID and Options.ClientID are both missing"},
		"negative id":        {githubapp.Options{AppID: -3, PrivateKey: key}, "Options.AppID is -3"},
		"client ID":          {githubapp.Options{ClientID: "Iv1.x\n", PrivateKey: key}, "Options.ClientID"},
		"no key":             {githubapp.Options{AppID: 1}, "exactly one of Options.PrivateKey, Options.KeyFile and Options.Signers"},
		"two keys":           {githubapp.Options{AppID: 1, PrivateKey: key, KeyFile: "app.pem"}, "exactly one of"},
		"missing key file":   {githubapp.Options{AppID: 1, KeyFile: "/nowhere/app.pem"}, "Options.KeyFile: open /nowhere/app.pem: "},
		"malformed key":      {githubapp.Options{AppID: 1, PrivateKey: []byte("x")}, "Options.PrivateKey holds no PEM"},
		"malformed key file": {githubapp.Options{AppID: 1, KeyFile: log}, "Options.KeyFile: " + log + " holds a token"},
		"no file":            {githubapp.Options{AppID: 1, KeyFile: os.DevNull}, "Options.KeyFile: " + os.DevNull + " is no regular file"},
		"not RSA":            {githubapp.Options{AppID: 1, Signers: []crypto.Signer{testutil.RSAKey(t, 0), curve}}, "Options.Signers[1] has a public key of type *ecdsa.PublicKey"},
		"no signer":          {githubapp.Options{AppID: 1, Signers: []crypto.Signer{nil}}, "Options.Signers[0] is nil"},
		"nil signer":         {githubapp.Options{AppID: 1, Signers: []crypto.Signer{(*rsa.PrivateKey)(nil)}}, "Options.Signers[0] is nil"},
		"concurrency":        {githubapp.Options{AppID: 1, PrivateKey: key, MaxConcurrentMints: -1}, "Options.MaxConcurrentMints"},
		"seal keys alone":    {githubapp.Options{AppID: 1, PrivateKey: key, SealKeys: [][]byte{make([]byte, 32)}}, "Options.SealKeys is set but Options.Store isn't"},
		"store alone":        {githubapp.Options{AppID: 1, PrivateKey: key, Store: tokenprovidertest.NewStore()}, "Options.Store needs Options.SealKeys: at least one key of 32 random bytes"},
		"no seal key":        {githubapp.Options{AppID: 1, PrivateKey: key, Store: tokenprovidertest.NewStore(), SealKeys: [][]byte{}}, "Options.Store needs Options.SealKeys"},
		"short seal key":     {githubapp.Options{AppID: 1, PrivateKey: key, Store: tokenprovidertest.NewStore(), SealKeys: [][]byte{make([]byte, 32), []byte("ghs_secretsecretsecret")}}, "Options.SealKeys[1] has 22 bytes; it must be 32"},
		"user agent":         {githubapp.Options{AppID: 1, PrivateKey: key, UserAgent: "a\r\nb"}, "Options.UserAgent"},
		"API version":        {githubapp.Options{AppID: 1, PrivateKey: key, APIVersion: "a\nb"}, "Options.APIVersion"},
		"password in URL":    {githubapp.Options{AppID: 1, PrivateKey: key, BaseURL: "https://user:ghs_secretsecretsecret@api.github.com"}, "Options.BaseURL holds a user or password"},
		"URL without scheme": {githubapp.Options{AppID: 1, PrivateKey: key, BaseURL: "api.github.com"}, "needs a scheme and a host"},
		"URL without host":   {githubapp.Options{AppID: 1, PrivateKey: key, BaseURL: "https:///api/v3"}, "needs a scheme and a host"},
		"another scheme":     {githubapp.Options{AppID: 1, PrivateKey: key, BaseURL: "ftp://api.github.com"}, "needs a scheme and a host"},
		"no URL":             {githubapp.Options{AppID: 1, PrivateKey: key, BaseURL: "https://a b:ghs_secretsecretsecret"}, "isn't a URL"},
		"query":              {githubapp.Options{AppID: 1, PrivateKey: key, BaseURL: "https://api.github.com?token=ghs_secretsecretsecret"}, "a query"},
		"in clear":           {githubapp.Options{AppID: 1, PrivateKey: key, BaseURL: "http://ghe.example.com/api/v3"}, "use https"},
		"a tenant's website": {githubapp.Options{AppID: 1, PrivateKey: key, BaseURL: "https://octo.ghe.com/api/v3"}, "use https://api.octo.ghe.com"},
		"not the API":        {githubapp.Options{AppID: 1, PrivateKey: key, BaseURL: "https://github.com"}, "use https://api.github.com"},
	} {
		t.Run(name, func(t *testing.T) {
			app, err := githubapp.New(c.opts)
			require.Nil(t, app)
			require.ErrorContains(t, err, "githubapp: ")
			require.ErrorContains(t, err, c.says)
			require.Empty(t, testutil.Leak(err.Error(), "ghs_secretsecretsecret", string(key[40:1500])))
		})
	}
}

func TestTheBaseURLMayHaveAPathAndASlash(t *testing.T) {
	g := newGitHub(t, nil)
	for _, suffix := range []string{"", "/", "/api/v3", "/api/v3/"} {
		g.mint(t, g.app(t, func(o *githubapp.Options) { o.BaseURL += suffix }).Installation(installationID))
	}
	require.Equal(t, "/api/v3/app/installations/42/access_tokens", g.Requests()[3].Path)
}

func TestTheConfiguredClientCarriesEveryRequest(t *testing.T) {
	g := newGitHub(t, nil)
	var carried int
	app := g.app(t, func(o *githubapp.Options) {
		o.ClientID, o.APIVersion, o.UserAgent = "Iv1.0123456789abcdef", "2026-03-10", "platform/1.0"
		o.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			carried++
			return g.Client().Transport.RoundTrip(r)
		})}
	})
	g.mint(t, app.Installation(installationID))
	require.Equal(t, 1, carried)
	require.Equal(t, "2026-03-10", g.Requests()[0].APIVersion)
	require.Equal(t, "platform/1.0", g.Requests()[0].UserAgent)
	require.EqualValues(t, appID, g.Requests()[0].AppID, "the client ID is the issuer")
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOptionsFromEnv(t *testing.T) {
	dir := t.TempDir()
	file, broken := filepath.Join(dir, "app.pem"), filepath.Join(dir, "broken.pem")
	require.NoError(t, os.WriteFile(file, testutil.RSAKeyPEM(t, 0), 0o600))
	require.NoError(t, os.WriteFile(broken, []byte("-----BEGIN"), 0o600))
	key := string(testutil.RSAKeyPEM(t, 0))

	for name, c := range map[string]struct {
		env  map[string]string
		says string // "": no error
	}{
		"number and file":    {map[string]string{"GITHUB_APP_ID": " 7\n", "GITHUB_APP_PRIVATE_KEY_FILE": file}, ""},
		"client ID and key":  {map[string]string{"GITHUB_APP_CLIENT_ID": "Iv1.x", "GITHUB_APP_PRIVATE_KEY": key}, ""},
		"GHES":               {map[string]string{"GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY": key, "GITHUB_API_URL": "https://ghe.example.com/api/v3"}, ""},
		"no key":             {map[string]string{"GITHUB_APP_ID": "7"}, "GITHUB_APP_ID is set but GITHUB_APP_PRIVATE_KEY_FILE (or GITHUB_APP_PRIVATE_KEY) isn't"},
		"no id":              {map[string]string{"GITHUB_APP_PRIVATE_KEY_FILE": file}, "GITHUB_APP_PRIVATE_KEY_FILE is set but GITHUB_APP_ID (or GITHUB_APP_CLIENT_ID) isn't"},
		"installation only":  {map[string]string{"GITHUB_APP_INSTALLATION_ID": "42"}, "GITHUB_APP_INSTALLATION_ID is set but GITHUB_APP_ID (or GITHUB_APP_CLIENT_ID) and GITHUB_APP_PRIVATE_KEY_FILE"},
		"id is a token":      {map[string]string{"GITHUB_APP_ID": "ghs_0123456789abcdefghijklmnopqrstuvwxyz", "GITHUB_APP_PRIVATE_KEY_FILE": file}, `GITHUB_APP_ID is "[redacted]", which isn't`},
		"id isn't a number":  {map[string]string{"GITHUB_APP_ID": "my-app", "GITHUB_APP_PRIVATE_KEY_FILE": file}, `GITHUB_APP_ID is "my-app", which isn't a positive number`},
		"id of zero":         {map[string]string{"GITHUB_APP_ID": "0", "GITHUB_APP_PRIVATE_KEY_FILE": file}, `GITHUB_APP_ID is "0"`},
		"two keys":           {map[string]string{"GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY_FILE": file, "GITHUB_APP_PRIVATE_KEY": key}, "both set; unset one"},
		"missing key file":   {map[string]string{"GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY_FILE": dir + "/none"}, "GITHUB_APP_PRIVATE_KEY_FILE: open " + dir + "/none"},
		"malformed key file": {map[string]string{"GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY_FILE": broken}, "GITHUB_APP_PRIVATE_KEY_FILE: " + broken + " holds no whole PEM block"},
		"malformed key":      {map[string]string{"GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY": "x"}, "GITHUB_APP_PRIVATE_KEY holds no PEM, nor base64 of it"},
		"a hidden character": {map[string]string{"GITHUB_APP_ID": "7\u200b", "GITHUB_APP_PRIVATE_KEY": key}, "GITHUB_APP_ID holds a character that can't be seen"},
		"a key in one line":  {map[string]string{"GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY": base64.StdEncoding.EncodeToString([]byte(key))}, ""},
		"a path for a key":   {map[string]string{"GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY": file}, "GITHUB_APP_PRIVATE_KEY_FILE"},
		"malformed URL":      {map[string]string{"GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY": key, "GITHUB_API_URL": "ghe"}, "GITHUB_API_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			opts, err := githubapp.OptionsFromEnv(func(name string) string { return c.env[name] })
			if c.says == "" {
				require.NoError(t, err)
				_, err = githubapp.New(opts)
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
			require.NotErrorIs(t, err, tokenprovider.ErrNotConfigured)
			require.Zero(t, opts.AppID)
		})
	}
	for _, env := range []map[string]string{nil, {"GITHUB_API_URL": "https://api.github.com", "GITHUB_TOKEN": "x"}, {"GITHUB_APP_ID": " "}} {
		_, err := githubapp.OptionsFromEnv(func(name string) string { return env[name] })
		require.ErrorIs(t, err, tokenprovider.ErrNotConfigured)
		require.ErrorContains(t, err, "set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY_FILE")
	}
}

func TestInstallationIDFromEnv(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		id   int64
		says string
	}{
		"set":          {map[string]string{"GITHUB_APP_INSTALLATION_ID": "42 "}, 42, ""},
		"no number":    {map[string]string{"GITHUB_APP_INSTALLATION_ID": "acme"}, 0, `GITHUB_APP_INSTALLATION_ID is "acme", which isn't a positive number`},
		"negative":     {map[string]string{"GITHUB_APP_INSTALLATION_ID": "-42"}, 0, `isn't a positive number`},
		"too large":    {map[string]string{"GITHUB_APP_INSTALLATION_ID": "99999999999999999999"}, 0, `isn't a positive number`},
		"only the app": {map[string]string{"GITHUB_APP_ID": "7"}, 0, "GITHUB_APP_ID is set but GITHUB_APP_INSTALLATION_ID isn't"},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := githubapp.InstallationIDFromEnv(func(name string) string { return c.env[name] })
			require.Equal(t, c.id, id)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
			require.NotErrorIs(t, err, tokenprovider.ErrNotConfigured)
		})
	}
	_, err := githubapp.InstallationIDFromEnv(func(string) string { return "" })
	require.ErrorIs(t, err, tokenprovider.ErrNotConfigured)

	t.Setenv("GITHUB_APP_INSTALLATION_ID", "43")
	id, err := githubapp.InstallationIDFromEnv(nil)
	require.NoError(t, err)
	require.EqualValues(t, 43, id)
}

func TestAKeyInThePlaceOfAnotherValueIsNotPrinted(t *testing.T) {
	key := string(testutil.RSAKeyPEM(t, 0))
	for name, value := range map[string]string{
		"PEM":                   key,
		"PEM on one line":       strings.ReplaceAll(key, "\n", `\n`),
		"base64":                base64.StdEncoding.EncodeToString([]byte(key)),
		"PEM's lines, unframed": strings.Join(strings.Split(strings.TrimSpace(key), "\n")[1:], "\n"),
	} {
		for _, variable := range []string{"GITHUB_APP_PRIVATE_KEY_FILE", "GITHUB_APP_ID"} {
			env := map[string]string{"GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY_FILE": "none", variable: value}
			_, err := githubapp.OptionsFromEnv(func(name string) string { return env[name] })
			require.ErrorContains(t, err, variable, name)
			require.Empty(t, testutil.Leak(err.Error(), value), "%s in %s", name, variable)
		}
		opts := githubapp.Options{AppID: 7, KeyFile: value}
		_, err := githubapp.New(opts)
		require.ErrorContains(t, err, "Options.KeyFile", name)
		require.Empty(t, testutil.Leak(err.Error()+opts.String(), value), name)
	}
	for _, base := range []string{"me:hunter2@ghe.example.com", "https:me:hunter2@ghe.example.com", "//me:hunter2@ghe.example.com"} {
		_, err := githubapp.New(githubapp.Options{AppID: 7, PrivateKey: []byte(key), BaseURL: base})
		require.ErrorContains(t, err, "Options.BaseURL")
		require.NotContains(t, err.Error(), "hunter2")
	}
}
