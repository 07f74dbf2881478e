package repotest_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// arrows says which packages of this repository a package may import, beside
// the leaves, which all may import, and the rooms in its own internal/ folder.
// Examples and tests may import any. A new package is a line here.
//
// githubapp may not import provisionhook: a mutator fits EnvMutator by its
// methods alone, as a plugin's does.
var arrows = map[string][]string{
	".": {},

	"tokenprovider":                                       {},
	"tokenprovider/tokenprovidertest":                     {"tokenprovider"},
	"tokenprovider/gitcredential":                         {"tokenprovider"},
	"tokenprovider/tokenhttp":                             {"tokenprovider", "tokenprovider/gitcredential"},
	"tokenprovider/gateway":                               {"tokenprovider", "tokenprovider/gitcredential", "tokenprovider/tokenhttp"},
	"tokenprovider/workspace":                             {"tokenprovider", "tokenprovider/gitcredential", "tokenprovider/tokenhttp"},
	"tokenprovider/workspace/git-credential-provisionkit": {"tokenprovider/workspace"},
	"tokenprovider/oauth2token":                           {"tokenprovider"},
	"tokenprovider/redisstore":                            {"tokenprovider"},
	"tokenprovider/tokenprom":                             {"tokenprovider"},
	"tokenprovider/workloadid":                            {"tokenprovider", "tokenprovider/tokenhttp"},

	"provisionhook":                   {"tokenprovider"},
	"provisionhook/provisionhooktest": {"tokenprovider", "provisionhook"},
	"provisionhook/statuspage":        {"tokenprovider", "tokenprovider/tokenhttp", "provisionhook"},

	"githubapp":               {"tokenprovider"},
	"githubapp/githubapptest": {},
	"githubapp/forge":         {"tokenprovider/gateway"},
}

// floors are the folders of the house from the ground up. A package imports
// from its own folder and from lower floors, so that no two folders point at
// each other.
var floors = [][]string{{"internal"}, {"tokenprovider"}, {"provisionhook", "githubapp"}}

func TestEveryPackageImportsOnlyWhatItsArrowsAllow(t *testing.T) {
	for _, s := range allSources(t) {
		if _, known := arrows[owner(s.pkg)]; !known && !isLeaf(s.pkg) {
			t.Errorf("package %s is new: add it to arrows, with what it may import", s.pkg)
		}
		for _, imported := range ours(s) {
			if err := mayImport(s.pkg, imported); err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		}
	}
}

func TestNoFolderImportsFromOneAboveIt(t *testing.T) {
	for _, s := range allSources(t) {
		for _, imported := range ours(s) {
			from, to := folder(s.pkg), folder(imported)
			if from != to && floorOf(to) >= floorOf(from) {
				t.Errorf("%s imports %s: folder %s is not below %s", s.name, imported, to, from)
			}
		}
	}
}

func TestAnArrowThatPointsElsewhereIsFound(t *testing.T) {
	for _, c := range []struct{ pkg, imported, says string }{
		{"tokenprovider", "internal/secret", ""},
		{"provisionhook", "tokenprovider", ""},
		{"provisionhook", "provisionhook/internal/room", ""},
		{"provisionhook/internal/room", "tokenprovider", ""},
		{"provisionhook/internal/room", "provisionhook/internal/other", ""},
		{"tokenprovider/workspace/internal/doctor", "tokenprovider/tokenhttp", ""},
		{"internal/seal", "internal/secret", "a leaf imports nothing"},
		{"internal/seal", "tokenprovider", "a leaf imports nothing"},
		{"tokenprovider", "provisionhook", "its arrows point at []"},
		{"tokenprovider", "internal/testutil", "its arrows point at []"},
		{"githubapp", "provisionhook", "its arrows point at [tokenprovider]"},
		{"githubapp/githubapptest", "githubapp", "its arrows point at []"},
		{"provisionhook/internal/room", "githubapp", "its arrows point at [tokenprovider]"},
		{"provisionhook/provisionhooktest", "provisionhook/internal/room", "a room of provisionhook"},
		{"provisionhook", "githubapp/internal/room", "a room of githubapp"},
		{"githubapp", "githubapp/githubapptest/internal/room", "a room of githubapp/githubapptest"},
	} {
		err := mayImport(c.pkg, c.imported)
		if c.says == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, c.says, "%s imports %s", c.pkg, c.imported)
		}
	}
}

// mayImport returns why pkg may not import another package of this repository.
func mayImport(pkg, imported string) error {
	switch {
	case isLeaf(pkg):
		return fmt.Errorf("a leaf imports nothing of this repository, and %s imports %s", pkg, imported)
	case isLeaf(imported):
		return nil
	case owner(imported) != imported && owner(imported) != owner(pkg):
		return fmt.Errorf("%s imports %s, a room of %s, which alone may", pkg, imported, owner(imported))
	case owner(imported) == imported && !slices.Contains(arrows[owner(pkg)], imported):
		return fmt.Errorf("%s imports %s, and its arrows point at %v", pkg, imported, arrows[owner(pkg)])
	}
	return nil
}

// isLeaf reports whether pkg is a package that every other one may import.
func isLeaf(pkg string) bool {
	return strings.HasPrefix(pkg, "internal/") && !slices.Contains(forTests, pkg)
}

// owner returns the package in whose internal/ folder pkg is a room, and pkg
// itself if it is none.
func owner(pkg string) string {
	if i := strings.LastIndex(pkg, "/internal/"); i >= 0 {
		return pkg[:i]
	}
	return pkg
}

// folder returns the folder of the root that pkg is in.
func folder(pkg string) string {
	name, _, _ := strings.Cut(pkg, "/")
	return name
}

// floorOf returns the number of the folder's floor; one that isn't in floors is
// above all.
func floorOf(folder string) int {
	for n, floor := range floors {
		if slices.Contains(floor, folder) {
			return n
		}
	}
	return len(floors)
}

// ours returns the packages of this repository that s imports.
func ours(s source) []string {
	var all []string
	for _, imported := range s.imports {
		if name, ok := strings.CutPrefix(imported, module+"/"); ok {
			all = append(all, name)
		}
	}
	return all
}

func TestOnlyTestsImportWhatIsForTests(t *testing.T) {
	forTests := regexp.MustCompile(`^` + module + `/(internal/testutil|.*test)$|` +
		`^testing$|^github.com/stretchr/testify|^go.uber.org/goleak`)
	for _, s := range allSources(t) {
		if strings.HasSuffix(s.pkg, "test") {
			continue
		}
		for _, imported := range s.imports {
			require.NotRegexp(t, forTests, imported, "%s imports it", s.name)
		}
	}
}

// The core serves any forge and any other kind of token. One sentence of it
// names the log that its digests are found in.
func TestTheCoreKnowsNoForge(t *testing.T) {
	for _, s := range sources(t) {
		if s.pkg == "tokenprovider/gateway" { // which names GitHub's Forge where one is missing
			require.NotRegexp(t, `ghs_|GH_|GITHUB_|x-access-token|/api/v3|api\.github\.com`, read(t, s.name), s.name)
		}
		if s.pkg != "tokenprovider" && s.pkg != "provisionhook" {
			continue
		}
		text := strings.ReplaceAll(read(t, s.name), module, "")
		text = strings.ReplaceAll(text, "the form in which GitHub's audit log names a token", "")
		require.NotRegexp(t, `(?i)github|gitlab|ghs_|x-access-token`, text, s.name)
	}
}
