package workspace

import (
	"runtime"
	"slices"
	"strings"
)

// valueOf is the value of a variable, of the last one as for a child: "" if there is none.
func valueOf(environ []string, name string) string {
	for _, variable := range slices.Backward(environ) {
		if isAny(variable, []string{name}) {
			return variable[len(name)+1:]
		}
	}
	return ""
}

// with is environ with the variable set, and set once: programs disagree on which one of several counts.
func with(environ []string, name, value string) []string {
	return append(without(environ, name), name+"="+value)
}

// without is a copy of environ without the variables of these names. It is never nil: a child would inherit.
func without(environ []string, names ...string) []string {
	kept := make([]string, 0, len(environ)+2)
	for _, variable := range environ {
		if !isAny(variable, names) {
			kept = append(kept, variable)
		}
	}
	return kept
}

func isAny(variable string, names []string) bool {
	for _, name := range names {
		if len(variable) > len(name) && variable[len(name)] == '=' && sameName(variable[:len(name)], name) {
			return true
		}
	}
	return false
}

func sameName(a, b string) bool {
	return a == b || runtime.GOOS == "windows" && strings.EqualFold(a, b)
}
