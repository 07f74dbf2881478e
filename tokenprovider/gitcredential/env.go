package gitcredential

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Entry is one setting of git's configuration.
type Entry struct {
	Key   string // section.name or section.subsection.name, as in git-config(1)
	Value string // may be empty, as for a helper that removes those before it
}

// AppendEnv adds entries to the configuration that git 2.31 and later reads
// from its environment (GIT_CONFIG_COUNT, GIT_CONFIG_KEY_n and
// GIT_CONFIG_VALUE_n; see git-config(1)), behind those that are in env. That
// configuration takes precedence over all files, but not over git -c. Clones,
// submodules and hooks see it too.
//
// If env already has entries, one after the other, they are not added again,
// unless an entry behind them has one of their keys and may override them.
//
// On an error env is unchanged. It returns an error where every git command
// would fail: if GIT_CONFIG_COUNT isn't a number, or a key or value that it
// counts is missing. It returns one where it would overwrite a key or value
// that GIT_CONFIG_COUNT doesn't count, since somebody meant that to have
// effect. A key that git can't parse, a NUL and a nil env are errors, too.
//
// env has to include the variables of the image: if the image sets
// GIT_CONFIG_COUNT and env doesn't have it, the image's configuration is lost
// when the workspace starts.
func AppendEnv(env map[string]string, entries ...Entry) error {
	if env == nil {
		return errors.New("gitcredential: AppendEnv on a nil environment")
	}
	for _, e := range entries {
		if err := e.check(); err != nil {
			return err
		}
	}
	held, err := readEnv(env)
	if err != nil {
		return err
	}
	if inEffect(held, entries) {
		return nil
	}
	added := make(map[string]string, 2*len(entries)+1)
	for i, e := range entries {
		added[keyName(len(held)+i)] = e.Key
		added[valueName(len(held)+i)] = e.Value
	}
	for _, name := range slices.Sorted(maps.Keys(added)) {
		if _, set := env[name]; set {
			return fmt.Errorf("gitcredential: %s is set, but git doesn't read it with a %s of %d: "+
				"correct the count, or unset what it leaves out", name, countName, len(held))
		}
	}
	added[countName] = strconv.Itoa(len(held) + len(entries))
	maps.Copy(env, added)
	return nil
}

const countName = "GIT_CONFIG_COUNT"

func keyName(n int) string   { return "GIT_CONFIG_KEY_" + strconv.Itoa(n) }
func valueName(n int) string { return "GIT_CONFIG_VALUE_" + strconv.Itoa(n) }

// gitKey matches what git accepts as the name of a setting; a subsection may
// hold anything but a line break.
var gitKey = sync.OnceValue(func() *regexp.Regexp { // at the first use: git waits for a helper's start
	return regexp.MustCompile(`^[A-Za-z0-9-]+\.([^\n\x00]*\.)?[A-Za-z][A-Za-z0-9-]*$`)
})

func (e Entry) check() error {
	if !gitKey().MatchString(e.Key) {
		return fmt.Errorf("gitcredential: %q isn't a key of git's configuration: "+
			"use section.name or section.subsection.name", e.Key)
	}
	if strings.Contains(e.Value, "\x00") {
		return fmt.Errorf("gitcredential: the value of %q holds a NUL", e.Key)
	}
	return nil
}

// readEnv returns the configuration in env, read as git reads it.
func readEnv(env map[string]string) ([]Entry, error) {
	count, err := parseCount(env[countName])
	if err != nil {
		return nil, err
	}
	var held []Entry
	for n := range count {
		key, hasKey := env[keyName(n)]
		value, hasValue := env[valueName(n)]
		if !hasKey || !hasValue || !gitKey().MatchString(key) {
			return nil, fmt.Errorf("gitcredential: %s is %d, but %s and %s are no setting; git refuses to run with that: "+
				"correct or unset %[1]s", countName, count, keyName(n), valueName(n))
		}
		held = append(held, Entry{Key: key, Value: value})
	}
	return held, nil
}

// parseCount reads the count as strtoul, and therefore git, does: white space
// before the number, a plus sign and leading zeros are allowed.
func parseCount(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	digits := strings.TrimPrefix(strings.TrimLeft(text, " \t\n\v\f\r"), "+")
	count, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("gitcredential: the value of %s isn't a number; git refuses to run with that: "+
			"correct or unset it", countName)
	}
	return int(count), nil
}

// inEffect reports whether held has entries in a row, with none of their keys
// after them.
func inEffect(held, entries []Entry) bool {
	keys := make(map[string]bool, len(entries))
	for _, e := range entries {
		keys[e.canonicalKey()] = true
	}
	for at := len(held) - len(entries); at >= 0; at-- {
		if startsWith(held[at:], entries) {
			return true
		}
		if keys[held[at+len(entries)-1].canonicalKey()] {
			return false
		}
	}
	return false
}

func startsWith(held, entries []Entry) bool {
	for i, e := range entries {
		if held[i].canonicalKey() != e.canonicalKey() || held[i].Value != e.Value {
			return false
		}
	}
	return true
}

// canonicalKey returns e's key as git compares it: section and name without
// case, the subsection with it.
func (e Entry) canonicalKey() string {
	first, last := strings.IndexByte(e.Key, '.'), strings.LastIndexByte(e.Key, '.')
	return lowerASCII(e.Key[:first]) + e.Key[first:last] + lowerASCII(e.Key[last:])
}
