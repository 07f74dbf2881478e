package tokenhttp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

var (
	_ provisionhook.EnvMutator  = (*tokenhttp.Mutator)(nil)
	_ provisionhook.FileMutator = (*tokenhttp.Mutator)(nil)
)

func newMutator(t testing.TB, opts tokenhttp.MutatorOptions) *tokenhttp.Mutator {
	t.Helper()
	m, err := tokenhttp.NewMutator(opts)
	require.NoError(t, err)
	return m
}

func TestAWorkspaceReachesItsEndpointWithWhatTheMutatorGaveIt(t *testing.T) {
	key := newKey(t)
	registry := provisionhook.NewRegistry()
	registry.Register(newTenants())
	server := serve(t, newHandler(t, key, tokenhttp.PerWorkspace(registry), nil))
	registry.Register(newMutator(t, tokenhttp.MutatorOptions{BaseURL: server.URL + "/", Key: key}))

	for _, id := range []string{"ws-1", "a/b", "a%2Fb", "a?b#c", "...", "x;y=z&"} {
		env := map[string]string{"HOME": "/home/agent"}
		require.NoError(t, registry.Run(t.Context(), id, env))
		require.Len(t, env, 3)
		require.True(t, strings.HasPrefix(env[tokenhttp.EnvURL], server.URL+"/workspaces/"),
			env[tokenhttp.EnvURL])
		c := &tokenhttp.Client{
			URL: env[tokenhttp.EnvURL], Bearer: tokenprovider.Static(env[tokenhttp.EnvBearer]),
		}
		token, _, err := c.Token(t.Context())
		require.NoError(t, err, id)
		require.Equal(t, id+"-token-1", token)

		_, claims := decode(t, env[tokenhttp.EnvBearer])
		require.EqualValues(t, 30*24*60*60, claims["exp"].(float64)-claims["iat"].(float64),
			"30 days by default")
	}
}

func TestABearerFileKeepsTheBearerOutOfTheEnvironment(t *testing.T) {
	key := newKey(t)
	registry := provisionhook.NewRegistry()
	registry.Register(newMutator(t,
		tokenhttp.MutatorOptions{
			BaseURL: "https://platform.example/api", Key: key,
			BearerFile: "/run/provisionkit/bearer", TTL: time.Hour,
		}))
	plan, err := registry.Plan(t.Context(), "ws-1", nil)
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"PROVISIONKIT_URL":         "https://platform.example/api/workspaces/ws-1/token",
		"PROVISIONKIT_BEARER_FILE": "/run/provisionkit/bearer",
	}, plan.Env)
	require.Len(t, plan.Files, 1)
	bearer := strings.TrimSuffix(string(plan.Files["/run/provisionkit/bearer"]), "\n")
	p, err := key.Authenticate(bearing(bearer))
	require.NoError(t, err)
	require.Equal(t, "ws-1", p.WorkspaceID)
	require.Error(t, registry.Run(t.Context(), "ws-1", map[string]string{}),
		"a platform that can't write files must not start the workspace")
}

func TestHTTPToAnotherMachineIsAllowedByNameAndPassedOn(t *testing.T) {
	m := newMutator(t,
		tokenhttp.MutatorOptions{BaseURL: "http://platform:8080", Key: newKey(t), AllowHTTP: true})
	env := map[string]string{}
	require.NoError(t, m.MutateEnv(t.Context(), "ws-1", env))
	require.Equal(t, "1", env["PROVISIONKIT_ALLOW_HTTP"])
	require.Equal(t, "http://platform:8080/workspaces/ws-1/token", env["PROVISIONKIT_URL"])
}

func TestNewMutatorNamesTheOptionThatIsWrong(t *testing.T) {
	key := newKey(t)
	for name, row := range map[string]struct {
		opts tokenhttp.MutatorOptions
		says string
	}{
		"nothing": {tokenhttp.MutatorOptions{}, "MutatorOptions.BaseURL is required"},
		"no key": {
			tokenhttp.MutatorOptions{BaseURL: "https://platform.example"},
			"MutatorOptions.Key is required",
		},
		"the zero key": {
			tokenhttp.MutatorOptions{BaseURL: "https://platform.example", Key: &tokenhttp.WorkspaceKey{}},
			"MutatorOptions.Key is required",
		},
		"no scheme": {
			tokenhttp.MutatorOptions{BaseURL: "platform.example", Key: key},
			"MutatorOptions.BaseURL is not an absolute URL",
		},
		"another scheme": {
			tokenhttp.MutatorOptions{BaseURL: "ftp://platform.example", Key: key},
			"MutatorOptions.BaseURL is neither https nor http",
		},
		"http to another machine": {
			tokenhttp.MutatorOptions{BaseURL: "http://platform.example", Key: key},
			"MutatorOptions.BaseURL is http to another machine",
		},
		"user info": {
			tokenhttp.MutatorOptions{BaseURL: "https://u:p@platform.example", Key: key},
			"MutatorOptions.BaseURL has a user name",
		},
		"a query": {
			tokenhttp.MutatorOptions{BaseURL: "https://platform.example?x=1", Key: key},
			"MutatorOptions.BaseURL has a query",
		},
		"an empty query": {
			tokenhttp.MutatorOptions{BaseURL: "https://platform.example?", Key: key},
			"MutatorOptions.BaseURL has a query",
		},
		"a fragment": {
			tokenhttp.MutatorOptions{BaseURL: "https://platform.example#x", Key: key},
			"MutatorOptions.BaseURL has a fragment",
		},
		"a negative TTL": {
			tokenhttp.MutatorOptions{BaseURL: "https://platform.example", Key: key, TTL: -1},
			"MutatorOptions.TTL is -1ns",
		},
		"a relative file": {
			tokenhttp.MutatorOptions{BaseURL: "https://platform.example", Key: key, BearerFile: "bearer"},
			"MutatorOptions.BearerFile",
		},
		"a file with detours": {
			tokenhttp.MutatorOptions{
				BaseURL: "https://platform.example", Key: key, BearerFile: "/run/../bearer",
			},
			"MutatorOptions.BearerFile",
		},
	} {
		m, err := tokenhttp.NewMutator(row.opts)
		require.Nil(t, m, name)
		require.ErrorContains(t, err, row.says, name)
	}
}

func TestTheMutatorRefusesAnIDThatCannotBeAddressed(t *testing.T) {
	for _, file := range []string{"", "/run/bearer"} {
		m := newMutator(t,
			tokenhttp.MutatorOptions{BaseURL: "https://platform.example", Key: newKey(t), BearerFile: file})
		for _, id := range []string{"", ".", "..", "\xff"} {
			env := map[string]string{}
			err := m.MutateEnv(t.Context(), id, env)
			if file == "" || id != "\xff" {
				require.ErrorContains(t, err, "workspace id", "%q", id)
				require.Empty(t, env)
			}
		}
		require.ErrorContains(t, m.MutateEnv(t.Context(), "ws-1", nil), "environment is nil")
	}
	m := newMutator(t,
		tokenhttp.MutatorOptions{
			BaseURL: "https://platform.example", Key: newKey(t), BearerFile: "/run/bearer",
		})
	require.ErrorContains(t, m.MutateFiles(t.Context(), "\xff", map[string][]byte{}), "UTF-8")
	require.ErrorContains(t, m.MutateFiles(t.Context(), "ws-1", nil), "nil")
}

// What went wrong on platforms of this kind, and can't here: each test is named
// after what holds instead.

func TestAWorkspaceStartedAgainKeepsTheBearerOfItsFirstStart(t *testing.T) {
	key := newKey(t)
	registry := provisionhook.NewRegistry()
	registry.Register(newTenants())
	server := serve(t, newHandler(t, key, tokenhttp.PerWorkspace(registry), nil))
	registry.Register(newMutator(t, tokenhttp.MutatorOptions{BaseURL: server.URL, Key: key}))
	first, second := map[string]string{}, map[string]string{}
	require.NoError(t, registry.Run(t.Context(), "ws-1", first))
	require.NoError(t, registry.Run(t.Context(), "ws-1", second))
	for _, env := range []map[string]string{first, second, first} {
		require.Equal(t, "ws-1-token-1",
			tokenOf(t, ask(t, server, "GET", "/workspaces/ws-1/token", env[tokenhttp.EnvBearer])))
	}
}
