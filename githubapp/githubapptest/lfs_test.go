package githubapptest_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func TestGitLFSUploadsDownloadsAndLocks(t *testing.T) {
	t.Parallel()
	testutil.NeedTool(t, "git-lfs")
	f := newFake(t, &githubapptest.Options{TLS: true, OnBreach: func(r githubapptest.Request) {
		t.Errorf("%s %s: %s", r.Method, r.Path, r.Breach)
	}})
	url, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	token, _ := f.mint("")
	git := f.newGit(token)
	git.Run(t, "", "lfs", "install", "--skip-repo")
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	git.Run(t, "", "clone", "--quiet", url, one)
	git.Run(t, one, "lfs", "track", "*.bin")
	large := strings.Repeat("provisionkit", 100_000)
	require.NoError(t, os.WriteFile(filepath.Join(one, "a.bin"), []byte(large), 0o600))
	git.Run(t, one, "add", ".")
	git.Run(t, one, "commit", "--quiet", "--message", "Add a large file")
	git.Run(t, one, "push", "--quiet")
	git.Run(t, "", "clone", "--quiet", url, two)
	content, err := os.ReadFile(filepath.Join(two, "a.bin"))
	require.NoError(t, err)
	require.Equal(t, large, string(content))

	require.Contains(t, git.Run(t, one, "lfs", "lock", "a.bin"), "Locked a.bin")
	require.Contains(t, git.Run(t, two, "lfs", "locks"), "robot[bot]")
	_, stderr, err := git.Try(t, two, "lfs", "lock", "a.bin")
	require.Error(t, err)
	require.Contains(t, stderr, "already created lock")
	git.Run(t, one, "lfs", "unlock", "a.bin")
	require.Empty(t, git.Run(t, two, "lfs", "locks"))
}

func TestGitLFSNeedsPermissionAndItsStorageASignature(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	_, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	write, _ := f.mint("")
	read, _ := f.mint(`{"permissions":{"contents":"read"}}`)
	ask := func(token, method, path, body string) *response {
		r := testutil.NewRequest(t.Context(), t, method, f.URL+"/acme/widgets.git/info/lfs/"+path, "", body)
		if token != "" {
			r.SetBasicAuth("x-access-token", token)
		}
		return f.do(method, "/acme/widgets.git/info/lfs/"+path, r.Header.Get("Authorization"), body)
	}
	object := fmt.Sprintf(`{"oid":"%x","size":5}`, sha256.Sum256([]byte("hello")))
	batch := func(operation string) string { return `{"operation":"` + operation + `","objects":[` + object + `]}` }
	for _, c := range []struct {
		token, method, path, body string
		status                    int
	}{
		{"", "POST", "objects/batch", batch("download"), 401},
		{read, "POST", "objects/batch", batch("download"), 200},
		{read, "POST", "objects/batch", batch("upload"), 403},
		{write, "POST", "objects/batch", batch("upload"), 200},
		{write, "POST", "objects/batch", batch("remove"), 422},
		{write, "POST", "objects/batch", "{", 422},
		{read, "GET", "locks", "", 200},
		{read, "POST", "locks", `{"path":"a"}`, 403},
		{read, "POST", "locks/verify", "{}", 403},
		{write, "POST", "locks", "{}", 422},
		{write, "POST", "locks/1/unlock", "{}", 404},
		{write, "POST", "objects/verify", object, 404},
		{write, "GET", "unheard-of", "", 404},
	} {
		got := ask(c.token, c.method, c.path, c.body)
		require.Equal(t, c.status, got.StatusCode, "%s %s %s", c.method, c.path, c.body)
		require.Equal(t, "application/vnd.git-lfs+json", got.Header.Get("Content-Type"))
	}

	var answer struct {
		Objects []struct {
			Actions map[string]struct {
				Href   string
				Header map[string]string
			}
			Error struct{ Code int }
		}
	}
	require.NoError(t, json.Unmarshal(ask(read, "POST", "objects/batch", batch("download")).body, &answer))
	require.Equal(t, 404, answer.Objects[0].Error.Code)
	require.NoError(t, json.Unmarshal(ask(write, "POST", "objects/batch", batch("upload")).body, &answer))
	upload := answer.Objects[0].Actions["upload"]
	require.False(t, strings.HasPrefix(upload.Href, f.URL))
	put := func(href, body string, headers ...string) int {
		for name, value := range upload.Header {
			headers = append(headers, name, value)
		}
		resp, err := f.client.Do(testutil.NewRequest(t.Context(), t, http.MethodPut, href, "", body, headers...))
		require.NoError(t, err)
		resp.Body.Close()
		return resp.StatusCode
	}
	require.Equal(t, 400, put(upload.Href, "hello", "Authorization", "Basic x"))
	require.Equal(t, 403, put(upload.Href+"0", "hello"))
	require.Equal(t, 400, put(upload.Href, "other"))
	require.Equal(t, 404, ask(write, "POST", "objects/verify", object).StatusCode)
	require.Equal(t, 200, put(upload.Href, "hello"))
	require.Equal(t, 200, ask(write, "POST", "objects/verify", object).StatusCode)
	verify := answer.Objects[0].Actions["verify"]
	require.Equal(t, f.URL+"/acme/widgets.git/info/lfs/objects/verify", verify.Href)
	require.Equal(t, 200, f.do("POST", "/acme/widgets.git/info/lfs/objects/verify", verify.Header["Authorization"], object).StatusCode)
	require.Equal(t, 403, f.do("POST", "/acme/widgets.git/info/lfs/objects/verify", verify.Header["Authorization"]+"0", object).StatusCode)
	f.SetClockOffset(1 << 40)
	require.Equal(t, 403, put(upload.Href, "hello"))
}
