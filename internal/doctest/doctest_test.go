package doctest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABlockThatNobodyCouldFollowIsAnError(t *testing.T) {
	for document, says := range map[string]string{
		"```\necho\n```":                  "line 1: the block says nothing",
		"text\n\n```python\nprint\n```":   "line 3: nobody follows a block of python",
		"```go\npackage x\n```":           "needs the name of its file",
		"```go ../x.go\npackage x\n```":   `"../x.go" means nothing`,
		"```text\noutput\n```":            "no command above",
		"```go x.go\n```\n```text\n```":   "no command above",
		"```sh\necho":                     "has no end",
		"* item\n  ```sh\n  echo\n  ```":  "a fence begins a line",
		"~~~sh\necho\n~~~":                "a fence begins a line",
		"```sh any-numbers\necho\n```":    `"any-numbers" means nothing`,
		"```sh one two\necho\n```":        `"two" means nothing`,
		"```sh\n```\n```text a b\nx\n```": `"b" means nothing`,
	} {
		_, err := Blocks(document)
		require.ErrorContains(t, err, says, document)
	}
}

func TestBlocksAreWhatTheirFencesSay(t *testing.T) {
	blocks, err := Blocks("# Title\n\n    go version\n    go env\n\n```sh server\nserve\n```\n\n```text server any-numbers\nport 1\n```\n\n" +
		"```go a/b_test.go with=tokenprovider/redisstore\npackage a\n```\n\n```sh exit=1\nfalse\n```\n")
	require.NoError(t, err)
	require.Equal(t, []Block{
		{Line: 3, Kind: "sh", Text: "go version\ngo env\n"},
		{Line: 7, Kind: "sh", Terminal: "server", Text: "serve\n"},
		{Line: 11, Kind: "text", Terminal: "server", AnyNumbers: true, Text: "port 1\n"},
		{Line: 15, Kind: "go", File: "a/b_test.go", With: "tokenprovider/redisstore", Text: "package a\n"},
		{Line: 19, Kind: "sh", Exit: "1", Text: "false\n"},
	}, blocks)
}

func TestWhatIsPrintedHasToBeWhatIsShown(t *testing.T) {
	for _, c := range []struct {
		shown, printed string
		anyNumbers, ok bool
	}{
		{shown: "a\nb\n", printed: "a\nb\n", ok: true},
		{shown: "a\nb\n", printed: "a\nb  \n", ok: true},
		{shown: "a\nb\n", printed: "a\n"},
		{shown: "a\n", printed: "a\nb\n"},
		{shown: "b\n", printed: "a\nb\n"},
		{shown: "a\n", printed: ""},
		{shown: "a\n...\nb\n", printed: "a\nx\ny\nb\n", ok: true},
		{shown: "a\n...\nb\n", printed: "a\nb\n", ok: true},
		{shown: "a\n...\n", printed: "a\nx\n", ok: true},
		{shown: "a ... b\n", printed: "a x y b\n", ok: true},
		{shown: "a ... b\n", printed: "a x\ny b\n"},
		{shown: "1.5 s\n", printed: "2.5 s\n"},
		{shown: " 1.5 s\n", printed: "12.5 s\n", anyNumbers: true, ok: true},
		{shown: "16: ok\n", printed: "7: ok\n", anyNumbers: true, ok: true},
		{shown: "16: ok\n", printed: "x: ok\n", anyNumbers: true},
		{shown: "a.c\n", printed: "abc\n"},
	} {
		require.Equal(t, c.ok, compare(c.shown, c.anyNumbers, c.printed) == nil, "%+v", c)
	}
}
