package provisionhook

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// Protect is a [Check] that refuses every change of the named variables, whoever set them. A pattern is a name, or the
// beginning of names followed by "*". A platform that runs on Windows, where names don't differ by case, ignores it here.
//
// It is for names that a platform needs as they are: its own ("WORKSPACE_ID", "PLATFORM_*"), PATH, what steers a
// loader or an interpreter ("LD_*", "BASH_ENV", "NODE_OPTIONS"). No list of the latter is ever complete, so a
// protected name is no boundary for a plugin that isn't trusted.
//
// Protect panics when a pattern is empty or has a "*" before its end: it would protect nothing.
func Protect(patterns ...string) Check {
	protected := matcher("Protect", patterns, runtime.GOOS == "windows")
	return func(c Change, _ map[string]string) error {
		if protected(c.Key) {
			return errors.New("the platform protects it from all mutators")
		}
		return nil
	}
}

// NoOverride is a [Check] that refuses to let a mutator change or delete a variable that another mutator has set. What
// the caller has set may be overridden. except are patterns, as in [Protect], of variables that the rule isn't for.
//
// Mutators are told apart by name, and variables by name as it is written, on Windows too. NoOverride panics when a
// pattern is empty or has a "*" before its end.
func NoOverride(except ...string) Check {
	exempt := matcher("NoOverride", except, runtime.GOOS == "windows")
	return func(c Change, _ map[string]string) error {
		if c.Previous != "" && c.Previous != c.Mutator && !exempt(c.Key) {
			return fmt.Errorf("mutator %q has set it", c.Previous)
		}
		return nil
	}
}

// matcher reports whether a name matches one of the patterns.
func matcher(check string, patterns []string, ignoreCase bool) func(name string) bool {
	fold := func(s string) string { return s }
	if ignoreCase {
		fold = strings.ToUpper
	}
	names := map[string]bool{}
	var prefixes []string
	for _, pattern := range patterns {
		prefix, star := strings.CutSuffix(pattern, "*")
		if pattern == "" || strings.Contains(prefix, "*") {
			panic(fmt.Sprintf("provisionhook: %s: pattern %q is neither a name nor the beginning of one and a *", check, pattern))
		}
		if star {
			prefixes = append(prefixes, fold(prefix))
		} else {
			names[fold(pattern)] = true
		}
	}
	return func(name string) bool {
		name = fold(name)
		for _, prefix := range prefixes {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}
		return names[name]
	}
}
