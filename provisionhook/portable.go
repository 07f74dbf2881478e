package provisionhook

import (
	"errors"
	"regexp"
)

var portable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// PortableNames returns a [Check] that refuses names other than ASCII letters,
// digits and underscores, not beginning with a digit. Other names are valid,
// but shells don't pass all of them on: what a program gets depends on whether
// there is a shell between it and the platform. A mutator may delete a variable
// of any name.
func PortableNames() Check {
	return func(c Change, _ map[string]string) error {
		if c.Kind != KindDelete && !portable.MatchString(c.Key) {
			return errors.New("the name is not portable: " +
				"use letters, digits and underscores, and no digit first")
		}
		return nil
	}
}
