package repotest_test

import (
	"fmt"
	"go/ast"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	// A guarantee is a sentence, and a link to the one test that proves it.
	guarantee = regexp.MustCompile(`^- (\S.*\.) \[((?:Test|Fuzz)[A-Z]\w*)\]\((\S+)\)$`)
	pageLink  = regexp.MustCompile(`\[[^\]]*\]\(([^)]+)\)`)
)

// A guarantee whose test was renamed or removed is a promise that nobody keeps.
func TestEachGuaranteeOfTheReliabilityPageHasItsTest(t *testing.T) {
	page := read(t, "RELIABILITY.md")
	require.LessOrEqual(t, len(page), 40_000, "the page is to be read")
	guarantees := 0
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		if err := checkLine(line); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		if strings.HasPrefix(line, "- ") {
			guarantees++
		}
	}
	require.Greater(t, guarantees, 200)
}

func TestAGuaranteeThatNoTestProvesIsFound(t *testing.T) {
	const here = "[TestAGuaranteeThatNoTestProvesIsFound](internal/repotest/reliability_test.go)"
	for line, says := range map[string]string{
		"- It holds. " + here:                 "",
		"# Heading":                           "",
		"See [SECURITY.md](SECURITY.md#why).": "",
		"See [the reasons](REASONS.md).":      "there is no ",
		"- It holds.":                         "is no guarantee with one test",
		"- It holds " + here:                  "is no guarantee with one test",
		"- " + here:                           "is no guarantee with one test",
		"- It holds. " + here + ", " + here:   "is no guarantee with one test",
		"- It holds. TestSomething":           "is no guarantee with one test",
		"- It holds. [checkLine](internal/repotest/reliability_test.go)": "is no guarantee with one test",
		"* It holds. " + here:                                           "is no guarantee with one test",
		"It holds. " + here:                                             "is no guarantee with one test",
		"- " + strings.Repeat("a", 120) + ". " + here:                   "more than 200 characters",
		"- It holds. [TestGone](internal/repotest/reliability_test.go)": "has no TestGone",
		"- It holds. [TestGone](internal/repotest/gone_test.go)":        "there is no ",
		"- It holds. [TestCodeOf](tokenprovider/errors.go)":             "is no file of tests",
		"- It holds. [TestMain](internal/repotest/published_test.go)":   "has no TestMain",
	} {
		err := checkLine(line)
		if says == "" {
			require.NoError(t, err, line)
		} else {
			require.ErrorContains(t, err, says, line)
		}
	}
}

// checkLine returns what is wrong with a line of the page.
func checkLine(line string) error {
	if len(line) > 200 {
		return fmt.Errorf("a line of more than 200 characters")
	}
	for _, link := range pageLink.FindAllStringSubmatch(line, -1) {
		file, _, _ := strings.Cut(link[1], "#")
		if _, err := fs.Stat(repository, file); err != nil {
			return fmt.Errorf("there is no %s", file)
		}
	}
	proved := guarantee.FindStringSubmatch(line)
	switch {
	case proved != nil && pageLink.MatchString(proved[1]),
		proved == nil && strings.HasPrefix(strings.TrimLeft(line, " "), "- "),
		proved == nil && strings.Contains(line, "_test.go"):
		return fmt.Errorf("it is no guarantee with one test")
	case proved == nil:
		return nil
	}
	return hasTest(proved[3], proved[2])
}

// hasTest returns an error unless the file, of whatever module, has that test.
func hasTest(file, name string) error {
	if !strings.HasSuffix(path.Base(file), "_test.go") {
		return fmt.Errorf("%s is no file of tests", file)
	}
	parsed, err := parse(file)
	if err != nil {
		return err
	}
	for _, declaration := range parsed.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok || f.Recv != nil || f.Name.Name != name || len(f.Type.Params.List) != 1 {
			continue
		}
		if of, ok := f.Type.Params.List[0].Type.(*ast.StarExpr); ok {
			if kind, ok := of.X.(*ast.SelectorExpr); ok && (kind.Sel.Name == "T" || kind.Sel.Name == "F") {
				return nil
			}
		}
	}
	return fmt.Errorf("%s has no %s", file, name)
}
