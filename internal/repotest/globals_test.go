package repotest_test

import (
	"go/ast"
	"go/token"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// What registers itself when it is imported can't be left out, and meets itself
// when two versions of it are linked.
func TestNothingRegistersItselfAndNoPackageKeepsARegistry(t *testing.T) {
	packages := map[string]*globals{}
	for _, s := range sources(t) {
		if packages[s.pkg] == nil {
			packages[s.pkg] = &globals{files: map[string]string{}, specs: map[any]bool{}}
		}
		packages[s.pkg].declare(t, s.name, s.file)
	}
	var changes []string
	for _, g := range packages {
		changes = append(changes, g.changes()...)
	}
	slices.Sort(changes)
	require.Empty(t, slices.Compact(changes), "variables that change after their initialization")
}

// globals are the variables of a package.
type globals struct {
	parsed []*ast.File
	files  map[string]string // of each variable, by its name
	specs  map[any]bool      // their declarations
	shared []string          // those of a type that is made for change
}

func (g *globals) declare(t *testing.T, name string, file *ast.File) {
	g.parsed = append(g.parsed, file)
	for _, declaration := range file.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok {
			require.False(t, f.Recv == nil && f.Name.Name == "init", "%s has an init", name)
		}
		d, ok := declaration.(*ast.GenDecl)
		if !ok || d.Tok != token.VAR {
			continue
		}
		for _, spec := range d.Specs {
			s := spec.(*ast.ValueSpec)
			g.specs[s] = true
			for _, variable := range s.Names {
				if variable.Name == "_" {
					continue
				}
				g.files[variable.Name] = name
				of, ok := s.Type.(*ast.SelectorExpr)
				if ok && slices.Contains([]string{"sync", "atomic"}, of.X.(*ast.Ident).Name) {
					g.shared = append(g.shared, name+": "+variable.Name)
				}
			}
		}
	}
}

// changes returns the variables that the package changes, or made for that.
func (g *globals) changes() []string {
	all := g.shared
	for _, file := range g.parsed {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, to := range n.Lhs {
					if n.Tok != token.DEFINE {
						all = append(all, g.changed(to)...)
					}
				}
			case *ast.IncDecStmt:
				all = append(all, g.changed(n.X)...)
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && slices.Contains([]string{"delete", "clear", "copy"}, f.Name) {
					all = append(all, g.changed(n.Args[0])...)
				}
			case *ast.UnaryExpr:
				if n.Op == token.AND { // what has its address can change it
					all = append(all, g.changed(n.X)...)
				}
			}
			return true
		})
	}
	return all
}

// changed returns the variable that a change of x changes, if there is one.
func (g *globals) changed(x ast.Expr) []string {
	switch e := x.(type) {
	case *ast.IndexExpr:
		return g.changed(e.X)
	case *ast.SelectorExpr:
		return g.changed(e.X)
	case *ast.StarExpr:
		return g.changed(e.X)
	case *ast.ParenExpr:
		return g.changed(e.X)
	case *ast.Ident:
		file, known := g.files[e.Name]
		// of another file, or this one, and not of a function
		if known && (e.Obj == nil || g.specs[e.Obj.Decl]) {
			return []string{file + ": " + e.Name}
		}
	}
	return nil
}
