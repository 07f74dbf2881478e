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
	server := serve(t, newHandler(t, key, tokenhttp.PerWorkspace(registry), &tokenhttp.Options{Admit: everyone}))
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
		require.NotContains(t, claims, "exp", "it lives as long as its workspace")
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
		"no bearer": {
			tokenhttp.MutatorOptions{BaseURL: "https://platform.example"},
			"MutatorOptions needs the endpoint's WorkspaceKey as Key, or a BearerFile",
		},
		"the zero key": {
			tokenhttp.MutatorOptions{BaseURL: "https://platform.example", Key: &tokenhttp.WorkspaceKey{}},
			"MutatorOptions.Key has no keys",
		},
		"a TTL of nobody's bearers": {
			tokenhttp.MutatorOptions{BaseURL: "https://platform.example", BearerFile: "/run/bearer", TTL: time.Hour},
			"MutatorOptions.TTL is the life of Key's bearers, and there is no Key",
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

func TestABearerThatOthersIssueIsPointedToAndNotWritten(t *testing.T) {
	opts := tokenhttp.MutatorOptions{BaseURL: "https://platform.example", BearerFile: "/var/run/secrets/platform/token"}
	h, err := tokenhttp.NewHandler(fixed(nil), adminToken(t, adminSecret), nil)
	require.NoError(t, err)
	ofHandler, err := h.Mutator(opts)
	require.NoError(t, err)
	for _, m := range []*tokenhttp.Mutator{newMutator(t, opts), ofHandler} {
		registry := provisionhook.NewRegistry()
		registry.Register(m)
		env := map[string]string{}
		require.NoError(t, registry.Run(t.Context(), "ws-1", env), "there is no file to write")
		require.Equal(t, map[string]string{
			"PROVISIONKIT_URL":         "https://platform.example/workspaces/ws-1/token",
			"PROVISIONKIT_BEARER_FILE": "/var/run/secrets/platform/token",
		}, env)
	}
}
