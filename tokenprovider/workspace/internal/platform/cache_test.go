package platform_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestATokenIsFetchedOnceAndKeptForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	workspacetest.NeedDisk(t)
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	first := call(t, env, request, "get").Answered(t)
	require.Equal(t, first, call(t, env, request, "get").Answered(t))
	require.Equal(t, first+"\n", call(t, env, "", "token").Stdout)
	require.Len(t, p.Asked(), 1)

	folder := filepath.Join(env["XDG_RUNTIME_DIR"], "provisionkit")
	info, err := os.Stat(folder)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 2, "a record and a lock")
	for _, entry := range entries {
		info, err := entry.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode(), entry.Name())
	}
}

func TestATokenIsAskedForAnewWhenHalfOfItsLifeIsOver(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newBubble(t, &workspacetest.Mint{Life: 3 * time.Second})
		env := p.Env(t, "ws-1")
		first := p.call(t, env, request, "get").Answered(t)
		require.Equal(t, first, p.call(t, env, request, "get").Answered(t),
			"short-lived tokens are kept too")
		eventually(t, func() bool { return p.call(t, env, request, "get").Answered(t) != first },
			"no new token")
		require.Len(t, p.Asked(), 2)
	})
}

func TestATokenWithoutAKnownExpiryIsNotKept(t *testing.T) {
	t.Parallel()
	workspacetest.NeedDisk(t)
	p := newPlatform(t, &workspacetest.Mint{})
	env := p.Env(t, "ws-1")
	require.NotEqual(t, call(t, env, request, "get").Answered(t),
		call(t, env, request, "get").Answered(t))
}

func TestWorkspacesThatShareAFolderNeverGetEachOthersToken(t *testing.T) {
	t.Parallel()
	workspacetest.NeedDisk(t)
	p := newPlatform(t, &workspacetest.Mint{Life: time.Hour})
	one, two := p.Env(t, "ws-1"), p.Env(t, "ws-2")
	two["XDG_RUNTIME_DIR"] = one["XDG_RUNTIME_DIR"]
	tokenOfOne := call(t, one, request, "get").Answered(t)
	tokenOfTwo := call(t, two, request, "get").Answered(t)
	require.NotEqual(t, tokenOfOne, tokenOfTwo)

	// Nor with the bearer of one and the URL of the other: the platform
	// refuses, and nothing on disk fits.
	mixed := map[string]string{
		"XDG_RUNTIME_DIR":     one["XDG_RUNTIME_DIR"],
		"PROVISIONKIT_URL":    one["PROVISIONKIT_URL"],
		"PROVISIONKIT_BEARER": two["PROVISIONKIT_BEARER"],
	}
	require.Contains(t, call(t, mixed, request, "get").Failed(t), "403")

	// A bearer that was renewed is the same workspace's.
	one["PROVISIONKIT_BEARER"] = p.Bearer(t, "ws-1", 2*time.Hour)
	require.Equal(t, tokenOfOne, call(t, one, request, "get").Answered(t))
}

func TestAFileThatIsUnsafeOrMakesNoSenseIsIgnoredAndReplaced(t *testing.T) {
	t.Parallel()
	workspacetest.NeedDisk(t)
	planted := `"ghs_planted"`
	edit := func(t *testing.T, path string, change func(record map[string]any)) {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		var record map[string]any
		require.NoError(t, json.Unmarshal(content, &record))
		record["token"] = strings.Trim(planted, `"`)
		change(record)
		content, err = json.Marshal(record)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, content, 0o600))
	}
	for name, spoil := range map[string]func(t *testing.T, path string){
		"readable for the group": func(t *testing.T, path string) {
			require.NoError(t, os.Chmod(path, 0o640))
		},
		"readable for the world": func(t *testing.T, path string) {
			require.NoError(t, os.Chmod(path, 0o604))
		},
		"writable for the world": func(t *testing.T, path string) {
			require.NoError(t, os.Chmod(path, 0o602))
		},
		"empty": func(t *testing.T, path string) {
			require.NoError(t, os.Truncate(path, 0))
		},
		"half-written": func(t *testing.T, path string) {
			require.NoError(t, os.Truncate(path, 100))
		},
		"gone": func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
		},
		"corrupt": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte("{]"), 0o600))
		},
		"not JSON's object": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte("[]"), 0o600))
		},
		"too large": func(t *testing.T, path string) {
			require.NoError(t, os.Truncate(path, 1<<20))
		},
		"of another workspace": func(t *testing.T, path string) {
			edit(t, path, func(r map[string]any) { r["key"] = "0123" })
		},
		"of a future version": func(t *testing.T, path string) {
			edit(t, path, func(r map[string]any) { r["version"] = 2 })
		},
		"past its expiry": func(t *testing.T, path string) {
			edit(t, path, func(r map[string]any) { r["expires_at"] = time.Now() })
		},
		"without an expiry": func(t *testing.T, path string) {
			edit(t, path, func(r map[string]any) { delete(r, "expires_at") })
		},
		"with a malformed expiry": func(t *testing.T, path string) {
			edit(t, path, func(r map[string]any) { r["expires_at"] = 4102444800000 })
		},
		"with an expiry long gone": func(t *testing.T, path string) {
			edit(t, path, func(r map[string]any) { r["expires_at"] = time.Unix(0, 0) })
		},
		"a link": func(t *testing.T, path string) {
			require.NoError(t, os.Rename(path, path+".elsewhere"))
			require.NoError(t, os.Symlink(path+".elsewhere", path))
		},
		"a link to nowhere": func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Symlink("/nowhere", path))
		},
		"an empty folder": func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Mkdir(path, 0o700))
		},
		"a folder with something in it": func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.MkdirAll(filepath.Join(path, "x"), 0o700))
		},
		"of another owner": func(t *testing.T, path string) {
			giveAway(t, path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t, &workspacetest.Mint{Life: time.Hour})
			env := p.Env(t, "ws-1")
			first := call(t, env, request, "get").Answered(t)
			path := workspacetest.Kept(t, env, ".json")
			spoil(t, path)

			second := call(t, env, request, "get").Answered(t)
			require.NotEqual(t, first, second)
			require.NotContains(t, second, "planted")
			require.Equal(t, second, call(t, env, request, "get").Answered(t),
				"the new one is kept")
			info, err := os.Lstat(path)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode())
			require.Len(t, p.Asked(), 2)
		})
	}
}

// giveAway makes something another user's, which takes root, or a sudo that
// asks nothing, as CI systems have.
func giveAway(t *testing.T, path string) {
	t.Helper()
	const nobody = 65534
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chown(path, nobody, nobody))
		return
	}
	if output, err := exec.CommandContext(t.Context(), "sudo", "-n", "chown", strconv.Itoa(nobody), path).CombinedOutput(); err != nil {
		t.Skipf("only root can give files away: sudo: %v %s", err, output)
	}
}

func TestAFolderThatIsNotOursAloneKeepsNothing(t *testing.T) {
	t.Parallel()
	workspacetest.NeedDisk(t)
	for name, prepare := range map[string]func(t *testing.T, folder string){
		"readable for the world": func(t *testing.T, folder string) {
			require.NoError(t, os.Mkdir(folder, 0o755))
		},
		"writable for the group": func(t *testing.T, folder string) {
			require.NoError(t, os.Mkdir(folder, 0o700))
			require.NoError(t, os.Chmod(folder, 0o720))
		},
		"a link": func(t *testing.T, folder string) {
			require.NoError(t, os.Symlink(t.TempDir(), folder))
		},
		"a file": func(t *testing.T, folder string) {
			require.NoError(t, os.WriteFile(folder, nil, 0o600))
		},
		"of another owner": func(t *testing.T, folder string) {
			require.NoError(t, os.Mkdir(folder, 0o700))
			giveAway(t, folder)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t, &workspacetest.Mint{Life: time.Hour})
			env := p.Env(t, "ws-1")
			env["TMPDIR"] = t.TempDir()
			folder := filepath.Join(env["XDG_RUNTIME_DIR"], "provisionkit")
			prepare(t, folder)
			require.NotEqual(t, call(t, env, request, "get").Answered(t),
				call(t, env, request, "get").Answered(t))
			entries, err := os.ReadDir(folder)
			if err == nil {
				require.Empty(t, entries)
			}
			entries, err = os.ReadDir(env["TMPDIR"])
			require.NoError(t, err)
			require.Empty(t, entries)
		})
	}
}

func TestWhereThereIsNoRuntimeFolderTheOneForTemporaryFilesServes(t *testing.T) {
	t.Parallel()
	workspacetest.NeedDisk(t)
	for name, runtimeDir := range map[string]string{"unset": "", "missing": "/nowhere/at/all", "relative": "run"} {
		p := newPlatform(t, workspacetest.Hourly())
		env := p.Env(t, "ws-1")
		env["XDG_RUNTIME_DIR"], env["TMPDIR"] = runtimeDir, t.TempDir()
		call(t, env, request, "get").Answered(t)
		call(t, env, request, "get").Answered(t)
		require.Len(t, p.Asked(), 1, name)
		entries, err := os.ReadDir(env["TMPDIR"])
		require.NoError(t, err)
		require.Len(t, entries, 1, name)
		require.Contains(t, entries[0].Name(), "provisionkit-")
	}
}

func TestWithAReadOnlyDiskEveryGetAsksThePlatform(t *testing.T) {
	t.Parallel()
	workspacetest.NeedDisk(t)
	p := newPlatform(t, &workspacetest.Mint{Life: time.Hour})
	env := p.Env(t, "ws-1")
	env["XDG_RUNTIME_DIR"], env["TMPDIR"] = "/proc", "/proc" // nobody can write there
	require.NotEqual(t, call(t, env, request, "get").Answered(t),
		call(t, env, request, "get").Answered(t))
}

func TestWhenTheEndpointFailsTheKeptTokenIsServedWhileItLives(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newBubble(t, &workspacetest.Mint{Life: 8 * time.Second})
		env := p.Env(t, "ws-1")
		first := p.call(t, env, request, "get").Answered(t)
		p.Down()
		eventually(t, func() bool {
			require.Equal(t, first, p.call(t, env, request, "get").Answered(t))
			return len(p.Asked()) > 1
		}, "no refresh was tried")
		require.Equal(t, first, p.call(t, env, request, "get").Answered(t))
		require.Len(t, p.Asked(), 2,
			"after a failure the next try is held off while there is a token")

		eventually(t, func() bool { return p.call(t, env, request, "get").Code != 0 },
			"a dead token was served")
		require.Contains(t, p.call(t, env, request, "get").Failed(t), "502")

		p.On(nil)
		require.NotEqual(t, first, p.call(t, env, request, "get").Answered(t),
			"without a token every get tries")
	})
}

func TestAnEndpointThatHangsHoldsNobodyUpWhoseTokenLives(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newBubble(t, &workspacetest.Mint{Life: 10 * time.Second})
		env := p.Env(t, "ws-1")
		first := p.call(t, env, request, "get").Answered(t)
		p.On(func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true })
		eventually(t, func() bool {
			began := time.Now()
			require.Equal(t, first, p.call(t, env, request, "get").Answered(t))
			require.Less(t, time.Since(began), 4*time.Second)
			return len(p.Asked()) > 1
		}, "no refresh was tried")
		require.Equal(t, first, p.call(t, env, request, "get").Answered(t))
		require.Len(t, p.Asked(), 2, "the next one doesn't even wait for that long")
	})
}

func TestAfterAShortFailureABetterTokenComesBeforeTheKeptOneDies(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newBubble(t, &workspacetest.Mint{Life: 8 * time.Second})
		env := p.Env(t, "ws-1")
		first := p.call(t, env, request, "get").Answered(t)
		dies := time.Now().Add(8 * time.Second)
		p.Down()
		eventually(t, func() bool {
			require.Equal(t, first, p.call(t, env, request, "get").Answered(t))
			return len(p.Asked()) > 1
		}, "no refresh was tried")
		p.On(nil)
		eventually(t, func() bool { return p.call(t, env, request, "get").Answered(t) != first },
			"no other token came")
		require.Greater(t, time.Until(dies), time.Second)
	})
}

func TestErasingTheKeptTokenDropsItAndTellsThePlatform(t *testing.T) {
	t.Parallel()
	workspacetest.NeedDisk(t)
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	first := call(t, env, request, "get").Answered(t)

	workspacetest.Erase(t, env, first+"x")
	workspacetest.Erase(t, env, "another")
	require.Equal(t, result{},
		call(t, env, "protocol=https\nhost=other.example\npassword="+first+"\n\n", "erase"))
	require.Equal(t, first, call(t, env, request, "get").Answered(t),
		"only the exact token and host count")

	workspacetest.Erase(t, env, first)
	require.Len(t, p.Asked(), 1, "erase itself asks nothing")
	content, err := os.ReadFile(workspacetest.Kept(t, env, ".json"))
	require.NoError(t, err)
	require.NotContains(t, string(content), first)

	second := call(t, env, request, "get").Answered(t)
	require.NotEqual(t, first, second)
	require.Equal(t, second, call(t, env, request, "get").Answered(t))
	asked := p.Asked()
	require.Len(t, asked, 2)
	require.Empty(t, asked[0].Header.Get("Provisionkit-Rejected"))
	require.Equal(t, tokenprovider.TokenSHA256(first), asked[1].Header.Get("Provisionkit-Rejected"))

	workspacetest.Erase(t, env, first)
	require.Equal(t, second, call(t, env, request, "get").Answered(t),
		"a token that was replaced can't be erased again")
}

func TestARejectionIsRepeatedUntilThePlatformHeardOfIt(t *testing.T) {
	t.Parallel()
	workspacetest.NeedDisk(t)
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	first := call(t, env, request, "get").Answered(t)
	workspacetest.Erase(t, env, first)
	p.Down()
	call(t, env, request, "get").Failed(t)
	p.On(nil)
	require.NotEqual(t, first, call(t, env, request, "get").Answered(t))
	asked := p.Asked()
	require.Equal(t, tokenprovider.TokenSHA256(first),
		asked[len(asked)-1].Header.Get("Provisionkit-Rejected"))
}

func TestReplicasWithADeadTokenEachAreAllTold(t *testing.T) {
	t.Parallel()
	workspacetest.NeedDisk(t)
	p := newPlatform(t, workspacetest.Hourly())
	its := &workspacetest.Mint{Life: time.Hour}
	its.N.Store(1000)
	other := newPlatform(t, workspacetest.Cached(its))
	var turn atomic.Int64
	p.On(func(w http.ResponseWriter, r *http.Request) bool {
		if turn.Add(1)%2 == 1 {
			return false
		}
		other.Server.Config.Handler.ServeHTTP(w, r)
		return true
	})
	env := p.Env(t, "ws-1")
	refused := map[string]bool{}
	for range 4 { // each replica believes one report in 5 minutes
		token := call(t, env, request, "get").Answered(t)
		require.NotContains(t, refused, token)
		refused[token] = true
		workspacetest.Erase(t, env, token)
	}
}

// TestATokenThatThePlatformHandsOutAgainIsServedButNotKept: the platform lets a
// token ripen that is seconds old, since forges refuse those at times, and
// until then a get that is refused must not settle the matter for an hour.
func TestATokenThatThePlatformHandsOutAgainIsServedButNotKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newBubble(t,
			tokenprovider.NewCache(&workspacetest.Mint{Life: time.Hour}, &tokenprovider.CacheOptions{Settle: time.Second}))
		env := p.Env(t, "ws-1")
		first := p.call(t, env, request, "get").Answered(t)
		p.erase(t, env, first)
		require.Equal(t, first, p.call(t, env, request, "get").Answered(t))
		require.Equal(t, first, p.call(t, env, request, "get").Answered(t))
		require.Len(t, p.Asked(), 3)
		eventually(t, func() bool { return p.call(t, env, request, "get").Answered(t) != first },
			"the platform didn't replace it")
		for _, r := range p.Asked()[1:] {
			require.Equal(t, tokenprovider.TokenSHA256(first),
				r.Header.Get("Provisionkit-Rejected"))
		}
		calls := len(p.Asked())
		p.call(t, env, request, "get").Answered(t)
		require.Len(t, p.Asked(), calls, "the new one is kept")
	})
}

func TestAFailureUnderAClockThatWasSetBackIsForgotten(t *testing.T) {
	t.Parallel()
	workspacetest.NeedDisk(t)
	p := newPlatform(t, workspacetest.Hourly())
	p.On(func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "", http.StatusServiceUnavailable)
		return true
	})
	env := p.Env(t, "ws-1")
	call(t, env, request, "get").Failed(t)
	p.On(nil)
	path := workspacetest.Kept(t, env, "json")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(content, &fields))
	require.Contains(t, fields, "failed_at")
	fields["failed_at"], fields["retry_at"] = time.Now().Add(24*time.Hour), time.Now().Add(25*time.Hour)
	content, err = json.Marshal(fields)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	call(t, env, request, "get").Answered(t)
}
