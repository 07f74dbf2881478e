package provisionhook

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// Protect returns a [Check] that refuses every change of a variable that
// matches one of patterns, whoever set it. A pattern is a name, or the
// beginning of names followed by "*". When the platform itself runs on Windows,
// case doesn't matter.
//
// It is for variables that a platform needs as they are: its own
// ("WORKSPACE_ID", "PLATFORM_*"), PATH, and those that control a loader or an
// interpreter ("LD_*", "BASH_ENV", "NODE_OPTIONS"). No list of the latter is
// complete, so Protect doesn't make an untrusted plugin safe.
//
// With a pattern that is empty or has a "*" before its end, which would protect
// nothing, the Check refuses every change of any variable, with an error that
// names the pattern. Without patterns it allows every change.
func Protect(patterns ...string) Check {
	protected, err := newMatcher("Protect", patterns, runtime.GOOS == "windows")
	return func(c Change, _ map[string]string) error {
		if err != nil {
			return err
		}
		if protected.match(c.Key) {
			return errors.New("the platform protects it from all mutators")
		}
		return nil
	}
}

// NoOverride returns a [Check] that refuses to let a mutator change or delete a
// variable that another mutator has set. What the caller has set may be
// overridden. The rule isn't for variables that match one of except, such as
// GIT_CONFIG_COUNT, which each mutator raises that configures git: they are
// patterns as in [Protect], also in what a malformed one does.
//
// Mutators are told apart by name, and variables by name as it is written, on
// Windows too.
func NoOverride(except ...string) Check {
	exempt, err := newMatcher("NoOverride", except, runtime.GOOS == "windows")
	return func(c Change, _ map[string]string) error {
		if err != nil {
			return err
		}
		if c.Previous != "" && c.Previous != c.Mutator && !exempt.match(c.Key) {
			return fmt.Errorf("mutator %q has set it", c.Previous)
		}
		return nil
	}
}

// matcher matches names with patterns.
type matcher struct {
	ignoreCase bool
	names      map[string]bool
	prefixes   []string
}

// newMatcher returns an error that says what to mend in a call of function when
// a pattern is malformed.
func newMatcher(function string, patterns []string, ignoreCase bool) (*matcher, error) {
	m := &matcher{ignoreCase: ignoreCase, names: map[string]bool{}}
	for _, pattern := range patterns {
		prefix, star := strings.CutSuffix(pattern, "*")
		switch {
		case pattern == "" || strings.Contains(prefix, "*"):
			return nil, fmt.Errorf("pattern %q of %s is neither a name nor the beginning of one and a *: "+
				"mend it in the platform's code; until then every change is refused", pattern, function)
		case star:
			m.prefixes = append(m.prefixes, m.fold(prefix))
		default:
			m.names[m.fold(pattern)] = true
		}
	}
	return m, nil
}

// match reports whether name matches one of the patterns.
func (m *matcher) match(name string) bool {
	name = m.fold(name)
	for _, prefix := range m.prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return m.names[name]
}

// fold returns name as it is compared.
func (m *matcher) fold(name string) string {
	if m.ignoreCase {
		return strings.ToUpper(name)
	}
	return name
}
