package provisionhook

import (
	"errors"
	"fmt"
	"maps"
	"strings"
)

// Check is a platform's policy: it returns an error for a [Change] that a mutator may not make. env is a copy of the
// environment as the mutator leaves it, one map for all changes of that mutator: a Check reads it, and what it writes
// there is seen by no one but itself. Files are not checked; see [FileMutator].
//
// After each mutator, the checks of a [Registry] are called for each of its changes, in the order of the keys, and the
// first error ends the chain; it is wrapped with the names of the mutator and of the variable. As each change is checked
// with what results from it, so is the environment that the workspace gets. Like a mutator, a Check is safe for
// concurrent use and puts no value of env into its error.
//
// Two rules to write beside the ones that this package has: refuse a c.Kind other than [KindSet] with an empty
// c.Previous, so that what the caller set stays; compare two variables of env that must agree.
type Check func(c Change, env map[string]string) error

// check calls every check for every change, each check with a copy of env of its own.
func check(checks []Check, changes []Change, env map[string]string) error {
	copies := make([]map[string]string, len(checks))
	for _, c := range changes {
		for i, allowed := range checks {
			if copies[i] == nil {
				copies[i] = maps.Clone(env)
			}
			if err := guard(func() error { return allowed(c, copies[i]) }); err != nil {
				return fmt.Errorf("%s of %q refused: %w", c.Kind, c.Key, err)
			}
		}
	}
	return nil
}

// validVariable reports why an edit can't be in any environment. A name that holds "=" is most likely a whole
// assignment, so what follows the "=" may be a secret and isn't shown.
func validVariable(e edit[string]) error {
	if e.Kind == KindDelete {
		return nil
	}
	switch name, _, assignment := strings.Cut(e.Key, "="); {
	case e.Key == "":
		return errors.New("the name of a variable is empty")
	case assignment:
		return fmt.Errorf("variable %q: its name goes on with %q, which a name can't hold", name, "=")
	case strings.ContainsRune(e.Key, 0):
		return fmt.Errorf("variable %q: its name holds a NUL byte", e.Key)
	case strings.ContainsRune(e.value, 0):
		return fmt.Errorf("variable %q: its value holds a NUL byte", e.Key)
	}
	return nil
}
