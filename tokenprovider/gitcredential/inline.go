package gitcredential

import (
	_ "embed" // inline.sh is a file of its own, so that shells and their tools can read it
	"strings"
)

//go:embed inline.sh
var inlineScript string

// inlineHelper is a credential helper that needs no file in the workspace, as a
// value of git's configuration: inline.sh in one line.
var inlineHelper = "!" + oneLine(inlineScript)

// oneLine returns script without its comments, which have lines of their own,
// its indentation and its line ends.
func oneLine(script string) string {
	var words []string
	for line := range strings.Lines(script) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			words = append(words, line)
		}
	}
	return strings.Join(words, " ")
}
