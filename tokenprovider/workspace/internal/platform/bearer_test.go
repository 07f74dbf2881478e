package platform_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// shortLived returns the environment of a workspace whose bearer is valid for
// ttl only.
func shortLived(t testing.TB, p *workspacetest.Platform, ttl time.Duration) map[string]string {
	t.Helper()
	env := p.Env(t, "ws-1")
	env["PROVISIONKIT_BEARER"] = p.Bearer(t, "ws-1", ttl)
	return env
}

func TestTheBearerFileIsReplacedOnceHalfOfTheBearersLifeIsOver(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newBubble(t, workspacetest.Hourly())
		env := shortLived(t, p.Platform, 4*time.Second)
		path := workspacetest.WithFile(t, env, 0o640)
		before, err := os.ReadFile(path)
		require.NoError(t, err)

		p.call(t, env, request, "get").Answered(t)
		require.Empty(t, p.Renewals(), "not before half of it is over")
		eventually(t, func() bool {
			p.call(t, env, request, "get").Answered(t)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			return string(after) != string(before)
		}, "the bearer wasn't renewed")
		require.Len(t, p.Renewals(), 1)

		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o640), info.Mode(), "with the rights that it had")
		entries, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Len(t, entries, 1)
	})
}

// TestAWorkspaceOutlivesABearerThatCannotBeReplaced also holds for a bearer in
// the environment, which nobody can change.
func TestAWorkspaceOutlivesABearerThatCannotBeReplaced(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newBubble(t, &workspacetest.Mint{Life: 2 * time.Second}) // many gets need the bearer
		workspaces := map[string]map[string]string{}
		for name, prepare := range map[string]func(env map[string]string){
			"in the environment": func(map[string]string) {},
			"in a read-only file": func(env map[string]string) {
				workspacetest.WithFile(t, env, 0o400)
			},
			"behind a link, as Kubernetes mounts it": func(env map[string]string) {
				path := workspacetest.WithFile(t, env, 0o600)
				require.NoError(t, os.Symlink(path, path+".link"))
				env["PROVISIONKIT_BEARER_FILE"] = path + ".link"
			},
		} {
			env := shortLived(t, p.Platform, 2*time.Second)
			prepare(env)
			workspaces[name] = env
		}
		contents := func() map[string]string {
			read := map[string]string{}
			for name, env := range workspaces {
				content, _ := os.ReadFile(env["PROVISIONKIT_BEARER_FILE"])
				read[name] = string(content)
			}
			return read
		}
		before := contents()
		for end := time.Now().Add(2500 * time.Millisecond); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			for name, env := range workspaces {
				r := p.call(t, env, request, "get")
				require.Zero(t, r.Code, "%s: %s", name, r.Stderr)
			}
		}
		require.Equal(t, before, contents())
		for name, env := range workspaces {
			info, err := os.Stat(workspacetest.Kept(t, env, ".bearer"))
			require.NoError(t, err, name)
			require.Equal(t, os.FileMode(0o600), info.Mode(), name)
		}
	})
}

// TestABearerIsRenewedWhileThereIsNoToken: a forge may be in trouble, or an
// installation suspended, for longer than the second half of a bearer's life,
// and then the workspace has to go on.
func TestABearerIsRenewedWhileThereIsNoToken(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		tokens := &workspacetest.Mint{Life: time.Hour}
		var suspended atomic.Bool
		p := newBubble(t, tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
			if suspended.Load() {
				return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeForbidden}
			}
			return tokens.Token(ctx)
		}))
		for name, operation := range map[string]string{"git": "get", "token": "token"} {
			env := shortLived(t, p.Platform, 4*time.Second)
			suspended.Store(true)
			for end := time.Now().Add(4500 * time.Millisecond); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				require.NotZero(t, p.call(t, env, request, operation).Code)
			}
			suspended.Store(false)
			r := p.call(t, env, request, operation)
			require.Zero(t, r.Code, "%s: %s", name, r.Stderr)
		}
	})
}

func TestARenewalThatFailsFailsNoGetAndIsNotRepeatedAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newBubble(t, workspacetest.Hourly())
		env := shortLived(t, p.Platform, 2*time.Second)
		p.On(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/bearer") {
				http.Error(w, "", http.StatusInternalServerError)
				return true
			}
			return false
		})
		eventually(t, func() bool {
			p.call(t, env, request, "get").Answered(t)
			return len(p.Renewals()) > 0
		}, "no renewal was tried")
		for range 5 {
			p.call(t, env, request, "get").Answered(t)
		}
		require.Len(t, p.Renewals(), 1)
	})
}

func TestNothingIsAskedOfThePlatformWhereNoTokenIsServed(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	late := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject: "ws-1", IssuedAt: jwt.NewNumericDate(time.Now().Add(-50 * time.Minute)),
		ExpiresAt: jwt.NewNumericDate(time.Now().Add(10 * time.Minute)),
	})
	var err error
	env["PROVISIONKIT_BEARER"], err = late.SignedString([]byte("no matter which"))
	require.NoError(t, err)
	require.Equal(t, result{}, call(t, env, "protocol=https\nhost=git.example\n\n", "get"))
	for _, operation := range []string{"store", "erase"} {
		require.Equal(t, result{},
			call(t, env, "protocol=https\nhost=github.com\nusername=x\npassword=ghs_x\n\n", operation))
	}
	require.Empty(t, p.Asked())
	require.Empty(t, p.Renewals())
	call(t, env, request, "get").Failed(t)
	require.Len(t, p.Asked(), 1)
	require.Empty(t, p.Renewals(), "a bearer that is refused can't be renewed")
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
	require.Empty(t, p.Renewals())
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

func TestABearerThatIsWrongOrHasExpiredIsNamedAsTheReason(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newBubble(t, workspacetest.Hourly())
		env := p.Env(t, "ws-1")
		env["PROVISIONKIT_BEARER"] = foreignBearer(t, "ws-1")
		require.Contains(t, p.call(t, env, request, "get").Failed(t),
			"401 Unauthorized (unauthenticated); the platform doesn't accept the workspace's bearer")

		env = shortLived(t, p.Platform, time.Second)
		issued := time.Now()
		eventually(t, func() bool { return time.Since(issued) > 1100*time.Millisecond },
			"time stands still")
		require.Contains(t, p.call(t, env, request, "get").Failed(t),
			"the workspace's bearer expired at")
	})
}

func TestARenewedBearerThatIsRefusedGivesWayToTheConfiguredOne(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newBubble(t, workspacetest.Hourly())
		env := p.Env(t, "ws-1")
		issued := time.Now().Unix()
		p.call(t, env, request, "get").Answered(t)
		record := workspacetest.Kept(t, env, ".json")
		require.NoError(t, os.Remove(record))
		eventually(t, func() bool { return time.Now().Unix() > issued }, "time stands still")
		newer := foreignBearer(t, "ws-1")
		require.NoError(t,
			os.WriteFile(strings.TrimSuffix(record, ".json")+".bearer", []byte(newer), 0o600))
		p.call(t, env, request, "get").Answered(t)
		asked := p.Asked()
		require.Len(t, asked, 3)
		require.Equal(t, "Bearer "+newer, asked[1].Header.Get("Authorization"))
		require.Equal(t, "Bearer "+env["PROVISIONKIT_BEARER"], asked[2].Header.Get("Authorization"))
	})
}

func TestARenewedBearerOfAnotherWorkspaceIsNotTaken(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newBubble(t, &workspacetest.Mint{Life: 2 * time.Second})
		env := shortLived(t, p.Platform, 2*time.Second)
		p.On(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/bearer") {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			w.Write([]byte(`{"bearer":"` + p.Bearer(t, "ws-2", time.Hour) + `","expires_at":"2100-01-01T00:00:00Z"}`))
			return true
		})
		eventually(t, func() bool {
			p.call(t, env, request, "get").Answered(t)
			return len(p.Renewals()) > 0
		}, "no renewal was tried")
		found, err := filepath.Glob(filepath.Join(env["XDG_RUNTIME_DIR"], "provisionkit", "*.bearer"))
		require.NoError(t, err)
		require.Empty(t, found)
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
