package platform_test

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestNothingIsAskedOfThePlatformWhereNoTokenIsServed(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	for _, operation := range []string{"get", "erase"} {
		require.Equal(t, result{}, call(t, env, "protocol=https\nhost=git.example\npassword=x\n\n", operation))
	}
	require.Equal(t, result{}, call(t, env, workspacetest.Refused("ghs_x"), "store"))
	require.Empty(t, p.Asked())
}

func TestABearerThatIsNoJWTIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	p.On(func(w http.ResponseWriter, r *http.Request) bool {
		require.Equal(t, "Bearer opaque", r.Header.Get("Authorization"))
		r.Header.Set("Authorization", "Bearer "+p.Bearer(t, "ws-1", time.Hour))
		return false
	})
	env := p.Env(t, "ws-1")
	env["PROVISIONKIT_BEARER"] = "opaque"
	call(t, env, request, "get").Answered(t)
}

func TestABearerIsReadAgainAfterA401(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	good := env["PROVISIONKIT_BEARER"]
	env["PROVISIONKIT_BEARER"] = foreignBearer(t, "ws-1")
	path := workspacetest.WithFile(t, env, 0o600)
	p.On(func(http.ResponseWriter, *http.Request) bool {
		require.NoError(t, os.WriteFile(path, []byte(good), 0o600)) // the platform rotates it now
		return false
	})
	call(t, env, request, "get").Answered(t)
	require.Len(t, p.Asked(), 2)
}

func TestABearerWhoseFileIsAwayForAMomentIsWaitedFor(t *testing.T) {
	for name, away := range map[string]func(path string) error{
		"no file":   os.Remove,
		"truncated": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				p := newBubble(t, workspacetest.Hourly())
				env := p.patient(t)
				bearer := env["PROVISIONKIT_BEARER"]
				path := workspacetest.WithFile(t, env, 0o600)
				require.NoError(t, away(path))
				back := time.AfterFunc(500*time.Millisecond, func() { _ = os.WriteFile(path, []byte(bearer), 0o600) })
				defer back.Stop()
				p.call(t, env, request, "get").Answered(t)

				require.NoError(t, away(path))
				began := time.Now()
				require.Contains(t, p.call(t, env, request, "get").Failed(t), "PROVISIONKIT_BEARER_FILE: ")
				require.Equal(t, time.Second, time.Since(began), "it isn't for long")
				require.EqualValues(t, 1, p.tries.Load())

				env["PROVISIONKIT_RETRY"] = "0"
				began = time.Now()
				p.call(t, env, request, "get").Failed(t)
				require.Zero(t, time.Since(began), "who has no patience doesn't wait")
			})
		})
	}
}

func TestABearerThatIsWrongOrHasExpiredIsNamedAsTheReason(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newBubble(t, workspacetest.Hourly())
		env := p.Env(t, "ws-1")
		env["PROVISIONKIT_BEARER"] = foreignBearer(t, "ws-1")
		require.Contains(t, p.call(t, env, request, "get").Failed(t),
			"401 Unauthorized (unauthenticated); the platform doesn't accept the workspace's bearer")

		env["PROVISIONKIT_BEARER"] = p.Bearer(t, "ws-1", time.Second)
		time.Sleep(2 * time.Second)
		require.Contains(t, p.call(t, env, request, "get").Failed(t),
			"the workspace's bearer expired at")
	})
}

// foreignBearer returns a bearer that is well-formed, for the right workspace,
// and signed by somebody else.
func foreignBearer(t testing.TB, id string) string {
	t.Helper()
	key, err := tokenhttp.NewWorkspaceKey([]byte("another key, of no less than 32 bytes"))
	require.NoError(t, err)
	bearer, err := key.Issue(id, 2*time.Hour)
	require.NoError(t, err)
	return bearer
}
