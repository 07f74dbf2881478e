package provisionhook

import (
	"fmt"
	"reflect"
)

// MaxSize returns a [Check] that refuses a variable of more than perEntry bytes
// and an environment of more than total bytes. A variable counts as in
// execve(2): its name, its value, and 2 bytes for the "=" and the NUL. A limit
// of zero or less is no limit. Deleting a variable is always allowed.
//
// A process with a larger environment than the system allows doesn't start, and
// the error "argument list too long" names no variable. Linux allows 131,072
// bytes for each variable, and for environment and arguments together a quarter
// of the limit of the stack, by default 2 MiB; MaxSize(131072, 1<<20) leaves
// room. What carries the environment to the workspace may allow far less.
//
// A call takes time in proportion to all of env. A [Registry] makes one such
// call for each mutator, however many variables it sets.
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
