package gitcredential_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/stretchr/testify/require"
)

func TestTheMutatorPutsGitsOwnCacheBeforeTheHelper(t *testing.T) {
	for cacheFor, c := range map[time.Duration]struct{ cache, told string }{
		10 * time.Minute:        {"cache --timeout=600", "10m0s"},
		time.Second:             {"cache --timeout=1", "1s"},
		1500 * time.Millisecond: {"cache --timeout=2", "2s"},
	} {
		env := mutate(t, &gitcredential.MutatorOptions{CacheFor: cacheFor}, map[string]string{})
		require.Equal(t, []string{"3", "", c.cache, "!'git-credential-provisionkit'", c.told}, []string{
			env["GIT_CONFIG_COUNT"], env["GIT_CONFIG_VALUE_0"], env["GIT_CONFIG_VALUE_1"], env["GIT_CONFIG_VALUE_2"],
			env["PROVISIONKIT_CACHE_FOR"]})
	}
	env := mutate(t, &gitcredential.MutatorOptions{CacheFor: time.Minute, KeepHelpers: true}, map[string]string{})
	require.Equal(t, "cache --timeout=60", env["GIT_CONFIG_VALUE_0"])
	require.NotContains(t, mutate(t, nil, map[string]string{}), "PROVISIONKIT_CACHE_FOR")
}

// cached returns a git with its own cache before a helper that answers with
// password p and notes each operation in a file. stop ends the cache's process.
func cached(t *testing.T) (g *testutil.Git, noted string, stop func()) {
	t.Helper()
	noted = filepath.Join(t.TempDir(), "noted")
	g = wiredByFile(t, gitcredential.MutatorOptions{CacheFor: time.Minute, Command: helperScript(t,
		"echo $1 >>'"+noted+"'; cat >/dev/null; [ $1 != get ] || printf 'username=x\\npassword=p\\n'")}, "")
	return g, noted, func() { g.Run(t, os.TempDir(), "credential-cache", "exit") }
}

// tell hands git a credential that worked (approve) or was refused (reject).
func tell(t *testing.T, g *testutil.Git, operation, credential string) {
	t.Helper()
	cmd := g.Command(t, os.TempDir(), "credential", operation)
	cmd.Stdin = strings.NewReader(credential + "\n")
	require.NoError(t, cmd.Run())
}

func TestGitsCacheAnswersUntilATokenIsRefused(t *testing.T) {
	g, noted, stop := cached(t)
	defer stop()
	operations := func() string {
		content, err := os.ReadFile(noted)
		require.NoError(t, err)
		return strings.ReplaceAll(string(content), "\n", " ")
	}
	first := fill(t, g, os.TempDir(), "github.com")
	tell(t, g, "approve", first)
	require.Equal(t, first, fill(t, g, os.TempDir(), "github.com"))
	require.Equal(t, "get store ", operations(), "the second one came from the cache")
	tell(t, g, "reject", first)
	require.Equal(t, first, fill(t, g, os.TempDir(), "github.com"))
	require.Equal(t, "get store erase get ", operations())
}

// Git before 2.40 takes no notice of when a token dies.
func TestGitsCacheServesADeadTokenBeforeGit240(t *testing.T) {
	g, _, stop := cached(t)
	defer stop()
	dead := fmt.Sprintf("protocol=https\nhost=github.com\nusername=x\npassword=dead\npassword_expiry_utc=%d\n", time.Now().Unix()-1)
	tell(t, g, "approve", dead)
	var major, minor int
	_, err := fmt.Sscanf(g.Run(t, os.TempDir(), "version"), "git version %d.%d", &major, &minor)
	require.NoError(t, err)
	want := "password=p\n"
	if major == 2 && minor < 40 {
		want = "password=dead\n"
	}
	require.Contains(t, fill(t, g, os.TempDir(), "github.com"), want)
}
