package provisionhook

import (
	"errors"
	"regexp"
)

var portable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// PortableNames returns a [Check] that refuses to set a variable whose name has
// anything but ASCII letters, digits and underscores, or begins with a digit.
// Such names are valid, but shells don't pass all of them on to programs.
// Deleting a variable is always allowed.
func PortableNames() Check {
	return func(c Change, _ map[string]string) error {
		if c.Kind != KindDelete && !portable.MatchString(c.Key) {
			return errors.New("the name is not portable: " +
				"use letters, digits and underscores, and no digit first")
		}
		return nil
	}
}
