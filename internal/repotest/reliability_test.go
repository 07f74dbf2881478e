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
	pageLink  = regexp.MustCompile(`\[([^\]]+)\]\(([^)]+)\)`)
	namedTest = regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w*`)
)

// A guarantee whose test was renamed or removed is a promise that nobody keeps.
func TestEveryGuaranteeOfTheReliabilityPageHasItsTestOrAReason(t *testing.T) {
	content, err := fs.ReadFile(repository, "RELIABILITY.md")
	require.NoError(t, err)
	rows := 0
	for line := range strings.Lines(string(content)) {
		if err := checkLine(strings.TrimSuffix(line, "\n")); err != nil {
			t.Error(err)
		}
		if strings.HasPrefix(line, "| **") {
			rows++
		}
	}
	require.Greater(t, rows, 100)
}

func TestAPageThatPromisesWhatNoTestProvesIsFound(t *testing.T) {
	const here = "[repotest.TestAPageThatPromisesWhatNoTestProvesIsFound](internal/repotest/reliability_test.go)"
	for line, says := range map[string]string{
		"| **It holds.** | " + here + " | |":                                                          "",
		"| **It can't.** | | Nobody can. |":                                                           "",
		"See [SECURITY.md](SECURITY.md#threat-model).":                                                "",
		"| **It holds.** | | |":                                                                       "neither a test nor a reason",
		"| **It holds.** | " + here + " |":                                                            "3 cells",
		"| | " + here + " | |":                                                                        "no guarantee",
		"| **It holds.** | TestSomething | |":                                                         "TestSomething isn't a link",
		"| **It holds.** | see the tests | |":                                                         "is no list of tests",
		"| **It holds.** | [tokenprovider.TestCodeOf](tokenprovider/errors.go) | |":                   "has no TestCodeOf",
		"| **It holds.** | [tokenprovider.TestNothing](tokenprovider/errors_test.go) | |":             "has no TestNothing",
		"| **It holds.** | [tokenhttp.TestCodeOf](tokenprovider/errors_test.go) | |":                  "isn't of package tokenhttp",
		"| **It holds.** | [redisstore.TestGone](tokenprovider/redisstore/store_test.go) | |":         "has no TestGone",
		"| **It holds.** | [tokenprovider.TestCodeOf](tokenprovider/gone_test.go) | |":                "no such file",
		"| **It holds.** | " + here + " | [Reasons](REASONS.md) |":                                    "no such file",
		"| **It holds.** | [repotest.checkLine](internal/repotest/reliability_test.go) | |":           "is no list of tests",
		"Time is simulated, see [TestMain](internal/repotest/published_test.go).":                     "TestMain isn't a link",
		"| **It holds.** | [repotest.TestMain](internal/repotest/published_test.go) | |":              "has no TestMain",
		"| **It holds.** | " + here + ", " + strings.Replace(here, "IsFound", "IsLost", 1) + " | - |": "has no TestAPageThatPromisesWhatNoTestProvesIsLost",
	} {
		err := checkLine(line)
		if says == "" {
			require.NoError(t, err, line)
		} else {
			require.ErrorContains(t, err, says, line)
		}
	}
}

// checkLine is what is wrong with a line of the page.
func checkLine(line string) error {
	for _, link := range pageLink.FindAllStringSubmatch(line, -1) {
		file, _, _ := strings.Cut(link[2], "#")
		if _, err := fs.Stat(repository, file); err != nil {
			return err
		}
		pkg, name, named := strings.Cut(link[1], ".")
		if !named || !namedTest.MatchString(name) {
			continue
		}
		if of := path.Base(path.Join(path.Base(module), path.Dir(file))); of != pkg {
			return fmt.Errorf("%s isn't of package %s but of %s", link[2], pkg, of)
		}
		if err := hasTest(file, name); err != nil {
			return err
		}
	}
	rest := pageLink.ReplaceAllStringFunc(line, func(link string) string {
		if strings.Contains(pageLink.FindStringSubmatch(link)[1], ".") {
			return ""
		}
		return link
	})
	if name := namedTest.FindString(rest); name != "" {
		return fmt.Errorf("%s isn't a link to its file: %s", name, line)
	}
	if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| what holds ") {
		return nil
	}
	cells := strings.Split(strings.Trim(line, "|"), "|")
	if len(cells) != 3 {
		return fmt.Errorf("a row has 3 cells: %s", line)
	}
	guarantee, tests, outside := strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])
	if guarantee == "" {
		return fmt.Errorf("no guarantee: %s", line)
	}
	if tests == "" && outside == "" {
		return fmt.Errorf("neither a test nor a reason: %s", line)
	}
	for _, link := range pageLink.FindAllStringSubmatch(tests, -1) {
		if namedTest.MatchString(link[1]) {
			tests = strings.Replace(tests, link[0], "", 1)
		}
	}
	if left := strings.Trim(strings.ReplaceAll(tests, "<br>", ""), ", "); left != "" {
		return fmt.Errorf("%q is no list of tests: %s", left, line)
	}
	return nil
}

// hasTest is an error unless the file, of whatever module, has that test.
func hasTest(file, name string) error {
	parsed, err := parse(file)
	if err != nil {
		return err
	}
	for _, declaration := range parsed.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok || f.Recv != nil || f.Name.Name != name || !strings.HasSuffix(file, "_test.go") || len(f.Type.Params.List) != 1 {
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
