package repotest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/molecule-ai/provisionkit/tokenprovider/workspace"
	"github.com/stretchr/testify/require"
)

// What an operator may meet and finds in no table is what they are paid to guess.
func TestTheGuideForOperatorsExplainsWhatTheyMayMeet(t *testing.T) {
	rows := map[string]int{}
	cell := regexp.MustCompile("(?m)^\\| `?([^|`]+?)`? \\|")
	for _, row := range cell.FindAllStringSubmatch(read(t, "docs/operators.md"), -1) {
		rows[row[1]]++
	}
	for kind, names := range map[string][]string{
		"state": append(constants(t, "tokenprovider", "State"), constants(t, "provisionhook/statuspage", "State")...),
		"code":  constants(t, "tokenprovider", "Code"),
		"check": checks(t), "status": statuses(t), "log line": logLines(t),
	} {
		require.NotEmpty(t, names, kind)
		for _, name := range names {
			require.NotZero(t, rows[name], "no row of docs/operators.md is about the %s %q", kind, name)
			rows[name]--
		}
	}
	for _, heading := range []string{"state", "code", "check", "status", "line"} {
		delete(rows, heading)
	}
	for name, left := range rows {
		require.Zero(t, left, "docs/operators.md has a row about %q, which doesn't exist", name)
	}
}

// checks returns the names of all checks of doctor, as it prints them where
// tokens are pulled and a gateway is there, and both are malformed.
func checks(t *testing.T) []string {
	var out bytes.Buffer
	doctor := workspace.Command{
		Args: []string{"git-credential-provisionkit", "doctor", "--json"}, Stdout: &out,
		Env: func(name string) string {
			return map[string]string{"PROVISIONKIT_URL": "x", "PROVISIONKIT_GATEWAY": "x"}[name]
		},
	}
	require.NotZero(t, doctor.Run(t.Context()))
	var report struct{ Checks []struct{ Name string } }
	require.NoError(t, json.Unmarshal(out.Bytes(), &report))
	var names []string
	for _, c := range report.Checks {
		names = append(names, c.Name)
	}
	return names
}

// constants returns the values of a type's constants that a package declares.
func constants(t *testing.T, pkg, typ string) []string {
	var values []string
	for _, f := range parsed(t, pkg) {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || spec.Type == nil || len(spec.Values) != 1 {
				return true
			}
			named := fmt.Sprint(spec.Type)
			if sel, ok := spec.Type.(*ast.SelectorExpr); ok {
				named = sel.Sel.Name
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok && named == typ {
				value, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				values = append(values, value)
			}
			return true
		})
	}
	return values
}

// statuses returns those that the endpoint answers with, as its documentation
// lists them.
func statuses(t *testing.T) []string {
	doc := read(t, "tokenprovider/tokenhttp/doc.go")
	var found []string
	for _, line := range regexp.MustCompile(`(?m)^//\t(\d{3})  `).FindAllStringSubmatch(doc, -1) {
		found = append(found, line[1])
	}
	return found
}

// logLines returns the messages with which the packages of a platform log. A
// message in a variable counts with each string that the variable is given in
// that file.
func logLines(t *testing.T) []string {
	found := map[string]bool{}
	for _, pkg := range []string{"internal/foreign", "internal/wire", "tokenprovider", "tokenprovider/tokenhttp", "tokenprovider/gateway", "tokenprovider/workloadid", "tokenprovider/oauth2token", "githubapp", "provisionhook"} {
		for _, f := range parsed(t, pkg) {
			given := map[string][]string{}
			ast.Inspect(f, func(n ast.Node) bool {
				if assign, ok := n.(*ast.AssignStmt); ok && len(assign.Lhs) == len(assign.Rhs) {
					for i, left := range assign.Lhs {
						if literal, ok := text(assign.Rhs[i]); ok {
							given[fmt.Sprint(left)] = append(given[fmt.Sprint(left)], literal)
						}
					}
				}
				return true
			})
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				sel, ok := call.Fun.(*ast.SelectorExpr)
				at := map[string]int{ // where the message is among the arguments
					"Debug": 0, "Info": 0, "Warn": 0, "Error": 0,
					"DebugContext": 1, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1,
					"Log": 2, "LogAttrs": 2, "NewRecord": 2,
				}
				if !ok || fmt.Sprint(sel.X) == "http" {
					return true
				}
				i, logs := at[sel.Sel.Name]
				if !logs || len(call.Args) <= i {
					return true
				}
				if literal, ok := text(call.Args[i]); ok {
					found[literal] = true
					return true
				}
				messages := given[fmt.Sprint(call.Args[i])]
				require.NotEmpty(t, messages, "what does %s log?", pkg)
				for _, m := range messages {
					found[m] = true
				}
				return true
			})
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// text returns the string that e is a literal of.
func text(e ast.Expr) (string, bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	value, err := strconv.Unquote(literal.Value)
	return value, err == nil
}

// parsed returns the files of a package and its rooms, without their tests.
func parsed(t *testing.T, pkg string) []*ast.File {
	var files []*ast.File
	for _, s := range allSources(t) {
		if owner(s.pkg) == pkg {
			files = append(files, s.file)
		}
	}
	require.NotEmpty(t, files, pkg)
	return files
}
