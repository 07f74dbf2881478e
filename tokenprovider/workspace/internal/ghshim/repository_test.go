package ghshim_test

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// wanted returns the repository of the last request for a token.
func (s *shim) wanted() string {
	asked := s.Asked()
	return asked[len(asked)-1].URL.Query().Get("repository")
}

func TestTheTokenIsForTheRepositoryThatGhWorksOn(t *testing.T) {
	t.Parallel()
	s := newShim(t)
	s.env["PROVISIONKIT_HOSTS"] = "github.com,ghes.example"
	for name, row := range map[string]struct {
		args []string
		repo string // GH_REPO
		want string
	}{
		"none":                   {[]string{"pr", "list"}, "", ""},
		"-R":                     {[]string{"pr", "list", "-R", "Acme/Widgets"}, "globex/x", "acme/widgets"},
		"-R in one word":         {[]string{"-Racme/x", "pr", "list"}, "", "acme/x"},
		"-R with an equals sign": {[]string{"pr", "list", "-R=acme/x"}, "", "acme/x"},
		"--repo":                 {[]string{"pr", "list", "--repo", "acme/x"}, "", "acme/x"},
		"--repo in one word":     {[]string{"pr", "list", "--repo=github.com/acme/x"}, "", "acme/x"},
		"the last -R":            {[]string{"pr", "list", "-R", "a/b", "-R", "acme/x"}, "", "acme/x"},
		"a URL":                  {[]string{"pr", "list", "-R", "https://github.com/acme/x.git"}, "", "acme/x"},
		"git's short form":       {[]string{"pr", "list", "-R", "git@github.com:acme/x.git"}, "", "acme/x"},
		"ssh":                    {[]string{"pr", "list", "-R", "ssh://git@github.com:22/acme/x.git"}, "", "acme/x"},
		"our second host":        {[]string{"pr", "list", "-R", "ghes.example/acme/x"}, "", "acme/x"},
		"another host":           {[]string{"pr", "list", "-R", "evil.example/acme/x"}, "globex/x", ""},
		"a URL at another host":  {[]string{"pr", "list", "-R", "https://evil.example/acme/x"}, "", ""},
		"user before our host":   {[]string{"pr", "list", "-R", "https://github.com@evil.example/acme/x"}, "", ""},
		"a path that climbs out": {[]string{"pr", "list", "-R", "acme/../evil"}, "", ""},
		"a name that climbs":     {[]string{"pr", "list", "-R", "acme/.."}, "", ""},
		"behind --":              {[]string{"alias-of-mine", "--", "-R", "acme/x"}, "globex/x", "globex/x"},
		"-R without a value":     {[]string{"pr", "list", "-R"}, "globex/x", "globex/x"},
		"GH_REPO":                {[]string{"pr", "list"}, "Globex/X", "globex/x"},
		"GH_REPO with a host":    {[]string{"pr", "list"}, "github.com/globex/x", "globex/x"},
		"repo view":              {[]string{"repo", "view", "acme/x"}, "globex/x", "acme/x"},
		"repo clone":             {[]string{"repo", "clone", "https://github.com/acme/x", "folder"}, "", "acme/x"},
		"repo list":              {[]string{"repo", "list", "Acme"}, "", "acme"},
		"repo view of one's own": {[]string{"repo", "view", "x"}, "globex/x", "globex/x"},
		"api":                    {[]string{"api", "repos/acme/x/pulls?state=all"}, "globex/x", "acme/x"},
		"api with a slash":       {[]string{"api", "-X", "POST", "/repos/acme/x"}, "", "acme/x"},
		"api of an organization": {[]string{"api", "orgs/acme/members"}, "", "acme"},
		"api of the remote's":    {[]string{"api", "repos/{owner}/{repo}/pulls"}, "globex/x", "globex/x"},
		"a URL in a text":        {[]string{"pr", "comment", "7", "--body", "https://github.com/evil/x"}, "globex/x", "globex/x"},
		"a pull request's URL":   {[]string{"pr", "view", "https://github.com/acme/x/pull/7"}, "", "acme/x"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Zero(t, s.gh(t, map[string]string{"GH_REPO": row.repo}, row.args...).Code)
			require.Equal(t, row.want, s.wanted())
		})
	}
}

func TestTheTokenIsForTheRemoteThatGhTakes(t *testing.T) {
	t.Parallel()
	s := newShim(t)
	g := testutil.NewGit(t)
	s.env["PATH"] += string(os.PathListSeparator) + filepath.Dir(testutil.NeedTool(t, "git"))
	clone := t.TempDir()
	asked := func() string {
		t.Helper()
		env := map[string]string{"GIT_DIR": filepath.Join(clone, ".git")}
		require.Zero(t, s.gh(t, env, "pr", "list").Code)
		return s.wanted()
	}
	g.Run(t, clone, "init", "--quiet")
	require.Empty(t, asked())
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"remote", "add", "mirror", "https://evil.example/acme/x"}, ""},
		{[]string{"remote", "add", "fork", "git@github.com:me/fork.git"}, "me/fork"},
		{[]string{"remote", "add", "origin", "https://github.com/Globex/Rockets.git"}, "globex/rockets"},
		{[]string{"remote", "add", "upstream", "hub:acme/widgets"}, "globex/rockets"},
		{[]string{"config", "url.https://github.com/.insteadOf", "hub:"}, "acme/widgets"},
		{[]string{"config", "remote.fork.gh-resolved", "base"}, "me/fork"},
		{[]string{"config", "remote.fork.gh-resolved", "initech/x"}, "initech/x"},
		{[]string{"config", "remote.fork.gh-resolved", "evil.example/initech/x"}, ""},
	} {
		g.Run(t, clone, step.args...)
		require.Equal(t, step.want, asked(), step.args)
	}
	query := s.Asked()[0].URL.Query()
	require.Equal(t, url.Values{"min_ttl": {"10m0s"}}, query, "where there is none nothing is said of it")
}

func TestARefusedTokenIsReportedWithItsRepository(t *testing.T) {
	t.Parallel()
	s := newShim(t)
	require.Equal(t, 4, s.gh(t, map[string]string{"PROGRAM_EXIT": "4"}, "pr", "list", "-R", "acme/x").Code)
	require.Len(t, s.Asked(), 2)
	require.Equal(t, "acme/x", s.wanted())
	require.NotEmpty(t, s.Asked()[1].Header.Get("Provisionkit-Rejected"))
}
