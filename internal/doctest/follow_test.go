//go:build unix

package doctest

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// try follows a document in an empty folder and returns the first thing that
// isn't as it says.
func try(t *testing.T, document string) error {
	blocks, err := Blocks(document)
	require.NoError(t, err)
	r := &reader{
		folder: t.TempDir(), env: []string{"PATH=" + os.Getenv("PATH")},
		terminals: map[string]*terminal{}, instead: strings.NewReplacer("HERE", "here"),
	}
	return r.followAll(t, blocks)
}

func TestADocumentThatIsTrueIsFollowedToItsEnd(t *testing.T) {
	require.NoError(t, try(t, strings.Join([]string{
		"```sh\nmkdir a\ncd a\nexport NAME=value\n```",
		"```sh\necho \"$NAME\" in HERE; basename \"$PWD\"; cat\n```\n```text\nvalue in HERE\na\n```", // nobody sits at standard input
		"```sh other\nbasename \"$PWD\"; sleep 0.1; echo up; sleep 60\n```\n```text other\na\nup\n```",
		"```sh exit=3\nsh -c 'echo no; exit 3'\n```\n```text\nno\n```",
		"```go x.go\npackage x\n```\n```sh\ngo vet ./x.go >/dev/null 2>&1 || ls\n```\n```text\nx.go\n```",
	}, "\n\n")))
}

func TestADocumentThatIsNotTrueIsAnError(t *testing.T) {
	for document, says := range map[string]string{
		"```sh\nfalse\necho ok\n```":                                   "a command failed",
		"```sh\necho \"$UNSET_HERE\"\n```":                             "a command failed",
		"```sh exit=1\ntrue\n```":                                      "exit code 0, and not 1",
		"```sh exit=1\nsh -c 'exit 2'\n```":                            "exit code 2, and not 1",
		"```sh\necho a\n```\n```text\nb\n```":                          "the document shows\nb\n",
		"```sh one\necho a\n```\n```text one\nb\n```":                  "the document shows\nb\n",
		"```sh one\nsleep 60\n```\n```sh one\necho\n```":               "nothing can be typed",
		"```text nowhere\na\n```":                                      "no terminal nowhere",
		"```go x.go\npackage x\n```":                                   "no command compiles [x.go]",
		"```go x.go\npackage  x\n```":                                  "isn't as gofmt writes it",
		"```go x.go\npackage x\n```\n```sh\necho 'go test ./...'\n```": "no command compiles [x.go]",
	} {
		require.ErrorContains(t, try(t, document), says, document)
	}
}
