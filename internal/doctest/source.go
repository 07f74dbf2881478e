package doctest

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// RequireSource requires that the document at path shows the Go file, which the
// tests run, from its package clause on, as package shown.
func RequireSource(t *testing.T, path, file, shown string) {
	t.Helper()
	run, err := os.ReadFile(file)
	require.NoError(t, err)
	document, err := os.ReadFile(path)
	require.NoError(t, err)
	_, clause, _ := strings.Cut(string(run), "package ")
	_, text, _ := strings.Cut(clause, "\n")
	require.NotEmpty(t, text)
	require.Contains(t, string(document), "package "+shown+"\n"+text+"```\n")
}
