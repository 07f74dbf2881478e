package repotest_test

import (
	"go/ast"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// A file that is made for all and narrowed later was readable in between.
func TestNoFileOrFolderIsMadeForOthersToRead(t *testing.T) {
	// It makes copies of the command, for everybody to run.
	const program = "tokenprovider/workspace/internal/install/links.go"
	made := 0
	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			name, args := callOfOS(n)
			switch name {
			case "Create", "Chmod":
				t.Errorf("%s calls os.%s: make the file with its rights, by os.CreateTemp say", s.name, name)
			case "CreateTemp", "MkdirTemp": // 0600 and 0700
				made++
			case "OpenFile", "WriteFile", "Mkdir", "MkdirAll":
				made++
				mode, ok := args[len(args)-1].(*ast.BasicLit)
				require.True(t, ok, "%s: os.%s", s.name, name)
				rights, err := strconv.ParseInt(mode.Value, 0, 32)
				require.NoError(t, err)
				require.True(t, rights&0o077 == 0 || s.name == program, "%s: os.%s with %s", s.name, name, mode.Value)
			}
			return true
		})
	}
	require.Positive(t, made)
}

// callOfOS returns the function of package os that n calls, "" if it calls
// none.
func callOfOS(n ast.Node) (name string, args []ast.Expr) {
	if call, ok := n.(*ast.CallExpr); ok {
		if of, ok := call.Fun.(*ast.SelectorExpr); ok {
			if pkg, ok := of.X.(*ast.Ident); ok && pkg.Name == "os" {
				return of.Sel.Name, call.Args
			}
		}
	}
	return "", nil
}
