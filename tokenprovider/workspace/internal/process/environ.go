package process

import (
	"runtime"
	"slices"
	"strings"
)

// Lookup returns the value of a variable in environ, and whether it is there.
// Of several with the name the last one counts, as it does for a child.
func Lookup(environ []string, name string) (value string, ok bool) {
	for _, variable := range slices.Backward(environ) {
		if hasName(variable, name) {
			return variable[len(name)+1:], true
		}
	}
	return "", false
}

// With returns a copy of environ with the variable set, and set once: programs
// disagree on which one of several counts.
func With(environ []string, name, value string) []string {
	return append(Without(environ, name), name+"="+value)
}

// Without returns a copy of environ without the variables of these names. It is
// never nil: a child would inherit.
func Without(environ []string, names ...string) []string {
	kept := make([]string, 0, len(environ)+2)
	for _, variable := range environ {
		if !slices.ContainsFunc(names, func(name string) bool { return hasName(variable, name) }) {
			kept = append(kept, variable)
		}
	}
	return kept
}

// hasName reports whether variable, as NAME=value, has that name.
func hasName(variable, name string) bool {
	if len(variable) <= len(name) || variable[len(name)] != '=' {
		return false
	}
	has := variable[:len(name)]
	return has == name || runtime.GOOS == "windows" && strings.EqualFold(has, name)
}
