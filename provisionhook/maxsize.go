package provisionhook

import (
	"fmt"
	"reflect"
)

// MaxSize returns a [Check] that refuses a variable of more than perEntry bytes
// and an environment of more than total bytes. A variable counts as the system
// counts it: its name, its value, and 2 bytes for the "=" and the NUL. A limit
// of zero or less is none. A mutator may always delete.
//
// A process with more than the system takes doesn't start, and "argument list
// too long" names no variable. Linux takes 131,072 bytes for each variable, and
// for environment and arguments together a quarter of the limit of the stack,
// by default 2 MiB; MaxSize(131072, 1<<20) leaves room. What carries the
// environment to the workspace may take far less.
//
// A call counts all of env. A [Registry] to which it was given makes one such
// call for each mutator, however many variables that sets.
func MaxSize(perEntry, total int) Check {
	return maxSize{perEntry: perEntry, total: total}.check
}

type maxSize struct{ perEntry, total int }

func (m maxSize) check(c Change, env map[string]string) error {
	if c.Kind == KindDelete {
		return nil
	}
	if size := entrySize(c.Key, env[c.Key]); m.perEntry > 0 && size > m.perEntry {
		return fmt.Errorf("the variable has %d bytes, at most %d are allowed", size, m.perEntry)
	}
	if m.total <= 0 {
		return nil
	}
	size := 0
	for key, value := range env {
		size += entrySize(key, value)
	}
	if size > m.total {
		return fmt.Errorf("the environment has %d bytes with it, at most %d are allowed", size, m.total)
	}
	return nil
}

func entrySize(key, value string) int { return len(key) + len(value) + 2 }

// isMaxSize reports whether [MaxSize] made the check: what it makes has the
// code of one method.
func isMaxSize(check Check) bool {
	return reflect.ValueOf(check).Pointer() == reflect.ValueOf(maxSize{}.check).Pointer()
}
