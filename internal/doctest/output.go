package doctest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	number = regexp.MustCompile(`[0-9]+(?:\\\.[0-9]+)?`) // in a pattern, where a dot is escaped
	spaces = regexp.MustCompile(` +`)
)

// pattern returns a regular expression for what a text block shows: each line
// as it is but for ... and, with anyNumbers, for numbers.
func pattern(text string, anyNumbers bool) string {
	var p strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		if strings.TrimSpace(line) == "..." {
			p.WriteString(`(?:.*\n)*?`)
			continue
		}
		quoted := regexp.QuoteMeta(line)
		if anyNumbers { // a longer number has fewer spaces before it
			quoted = spaces.ReplaceAllString(number.ReplaceAllString(quoted, `[0-9]+(?:\.[0-9]+)?`), ` +`)
			quoted = ` *` + strings.TrimPrefix(quoted, ` +`)
		}
		p.WriteString(strings.ReplaceAll(quoted, `\.\.\.`, `.*`) + ` *\n`)
	}
	return p.String()
}

// compare returns an error unless printed is what text shows.
func compare(text string, anyNumbers bool, printed string) error {
	if !regexp.MustCompile(`^` + pattern(text, anyNumbers) + `$`).MatchString(printed) {
		return fmt.Errorf("the document shows\n%s\nand there was\n%s", text, printed)
	}
	return nil
}

// RequireShown fails t unless printed is what a document shows below the block
// of exactly that command: for a test that has run it already, and knows more
// about it than the document.
func RequireShown(t testing.TB, document, command, printed string) {
	t.Helper()
	content, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := Blocks(string(content))
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	for i, b := range blocks[:len(blocks)-1] {
		shown := blocks[i+1]
		if b.Kind == "sh" && strings.TrimSpace(b.Text) == command && shown.Kind == "text" {
			if err := compare(shown.Text, shown.AnyNumbers, printed); err != nil {
				t.Fatalf("%s:%d: %v", document, shown.Line, err)
			}
			return
		}
	}
	t.Fatalf("%s shows nothing that %s prints", document, command)
}

// RequireExample runs the example in the current folder, as go run ./examples/NAME
// in the repository's, and fails t unless its README shows what that prints,
// which it returns.
func RequireExample(t testing.TB) (printed string) {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	output, err := exec.CommandContext(t.Context(), "go", "run", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	RequireShown(t, "README.md", "go run ./examples/"+filepath.Base(folder), string(output))
	return string(output)
}

// appeared reports whether text is in what was printed so far.
func appeared(text string, anyNumbers bool, printed string) bool {
	return regexp.MustCompile(`(?m)^` + pattern(text, anyNumbers)).MatchString(printed)
}
