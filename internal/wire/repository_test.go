package wire

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARepositoryHasOneForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"acme": "acme", "Acme": "acme", "acme/widgets": "acme/widgets", "ACME/Widgets.git": "acme/widgets",
		"acme/widgets.GIT": "acme/widgets", "acme/.github": "acme/.github", "a_b/c.d-e_f": "a_b/c.d-e_f",
		"acme/widgets.wiki.git": "acme/widgets.wiki",
	} {
		got, ok := Repository(text)
		require.True(t, ok, text)
		require.Equal(t, want, got)
	}
	for _, text := range hostileRepositories {
		_, ok := Repository(text)
		require.False(t, ok, "%q", text)
	}
}

// hostileRepositories are what two readers could take for different ones.
var hostileRepositories = []string{
	"", "/", "acme/", "/widgets", "acme//widgets", "acme/../evil/x", "acme/..", "../x", "./x", "acme/.",
	"acme/x/y", "acme/.git", "acme.git", "acme/x.git.git", "-x/y", "acme/-x", "acme%2fx", "acme/x%00", "acme/x\x00",
	"acme/x\n", "acme/x y", `acme\x`, "acme/x?y", "acme/x#y", "acme/x;y", "user@evil.example/x", "acme:x/y",
	"https://evil.example/x", "acme/ſ", "аcme/x", "acme/x\u200b", strings.Repeat("a", 101), "acme/" + strings.Repeat("a", 101),
}

func TestGitsPathNamesARepositoryOrNothing(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"acme/x.git": "acme/x", "Acme/X": "acme/x", "acme/x.git/info/lfs": "acme/x", "acme/x/info/lfs": "acme/x",
	} {
		got, ok := GitRepository(path)
		require.True(t, ok, path)
		require.Equal(t, want, got)
	}
	for _, path := range append([]string{
		"acme", "acme/info/lfs", "/info/lfs", "acme/x.git/info", "acme/x.git/info/lfs/objects",
		"acme/x.git/info/lfs/info/lfs", "acme/../evil/x.git", "acme/x.git/",
	}, hostileRepositories...) {
		_, ok := GitRepository(path)
		require.False(t, ok, "%q", path)
	}
}

func TestWhyThereIsNoTokenForARepositoryNamesIt(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"forbidden": "acme/x isn't among", "not_found": "isn't installed on acme, or acme/x", "invalid_request": "doesn't know acme/x",
	} {
		require.Contains(t, NoRepositoryToken(code, "acme/x"), want)
		require.Empty(t, NoRepositoryToken(code, ""))
	}
	require.Empty(t, NoRepositoryToken("unavailable", "acme/x"))
	require.Contains(t, NoRepositoryToken("forbidden", "acme/x"), "a permission is missing", "which a forge refuses, too")
}

func FuzzRepository(f *testing.F) {
	for _, text := range append([]string{"acme", "Acme/Widgets.git", "acme/x.git/info/lfs"}, hostileRepositories...) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if fromGit, ok := GitRepository(text); ok {
			again, ok := Repository(fromGit)
			require.True(t, ok && again == fromGit, "%q becomes %q", text, fromGit)
			require.Equal(t, 1, strings.Count(fromGit, "/"))
		}
		got, ok := Repository(text)
		if !ok {
			return
		}
		again, ok := Repository(got)
		require.True(t, ok && again == got, "%q has a second form, %q", got, again)
		require.Equal(t, got, strings.ToLower(got))
		for part := range strings.SplitSeq(got, "/") {
			require.Equal(t, part, url.PathEscape(part))
			require.NotContains(t, []string{"", ".", ".."}, part)
			require.False(t, strings.HasSuffix(part, ".git"))
		}
		fromGit, ok := GitRepository(text)
		require.Equal(t, strings.Contains(got, "/"), ok)
		require.True(t, !ok || fromGit == got, "git's path means another one")
	})
}
