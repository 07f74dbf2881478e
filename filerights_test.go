package provisionkit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// A file that is made for all and narrowed later was readable in between.
func TestNoFileOrFolderIsMadeForOthersToRead(t *testing.T) {
	const program = "tokenprovider/workspace/internal/install/links.go" // makes copies of the command, for everybody to run
	made := 0
	for _, f := range sources(t) {
		parsed, err := parser.ParseFile(token.NewFileSet(), f.name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			name, args := callOfOS(n)
			switch name {
			case "Create", "Chmod":
				t.Errorf("%s calls os.%s: make the file with its rights, by os.CreateTemp say", f.name, name)
			case "CreateTemp", "MkdirTemp": // 0600 and 0700
				made++
			case "OpenFile", "WriteFile", "Mkdir", "MkdirAll":
				made++
				mode, ok := args[len(args)-1].(*ast.BasicLit)
				require.True(t, ok, "%s: os.%s", f.name, name)
				rights, err := strconv.ParseInt(mode.Value, 0, 32)
				require.NoError(t, err)
				require.True(t, rights&0o077 == 0 || f.name == program, "%s: os.%s with %s", f.name, name, mode.Value)
			}
			return true
		})
	}
	require.Positive(t, made)
}

// callOfOS is the function of package os that n calls, "" if it calls none.
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
