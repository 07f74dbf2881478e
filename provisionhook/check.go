package provisionhook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
)

// Check is a platform's policy: it returns an error for a [Change] that a
// mutator may not make. env is a copy of the environment as the mutator leaves
// it, the same map for all changes of that mutator; what a Check writes into it
// has no effect on the workspace. Files are not checked; see [FileMutator].
//
// After each mutator, a [Registry] calls its checks for each change, in the
// order of the keys. The first error ends the chain; it is wrapped with the
// names of the mutator and of the variable. Like a mutator, a Check must be
// safe for concurrent use and put no value of env into its error.
//
// Two examples of rules to write yourself: to keep what the caller has set,
// refuse a change with an empty c.Previous whose c.Kind isn't [KindSet]; for
// variables that must agree, compare their values in env.
type Check func(c Change, env map[string]string) error

// registeredCheck is a Check of a Registry.
type registeredCheck struct {
	Check
	maxSize bool // made by MaxSize
}

// checksAtOnce is how many changes are checked between two looks at the
// context.
const checksAtOnce = 256

// check asks every check about every change.
func (c *chain) check(ctx context.Context, changes []Change) error {
	if len(c.checks) == 0 || len(changes) == 0 {
		return nil
	}
	copies := make([]map[string]string, len(c.checks)) // one for each check
	for i := range copies {
		copies[i] = maps.Clone(c.plan.Env)
	}
	for begin := 0; begin < len(changes); begin += checksAtOnce {
		if err := ctx.Err(); begin > 0 && err != nil {
			return fmt.Errorf("not all of its changes were checked: %w", err)
		}
		end := min(begin+checksAtOnce, len(changes))
		if err := c.checkSome(changes[begin:end], copies); err != nil {
			return err
		}
	}
	return nil
}

// checkSome asks every check, with its copy of the environment, about some of a
// mutator's changes.
//
// MaxSize counts the whole environment for each change that it is asked about.
// The environment is the same for all of them, so once MaxSize has allowed a
// variable its copy is dropped (nil), and it sees only the variable in
// question.
func (c *chain) checkSome(changes []Change, copies []map[string]string) error {
	var change Change
	err := call(func() error {
		for _, change = range changes {
			for i, check := range c.checks {
				env := copies[i]
				if env == nil {
					env = map[string]string{change.Key: c.plan.Env[change.Key]}
				}
				if err := check.Check(change, env); err != nil {
					return err
				}
				if check.maxSize && change.Kind != KindDelete {
					copies[i] = nil
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s of %q refused: %w", change.Kind, change.Key, err)
	}
	return nil
}

// validVariable returns why an edit can't be in any environment. A name with
// "=" in it is most likely a whole assignment, so what follows the "=" may be a
// secret and isn't shown.
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
