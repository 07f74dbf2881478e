package provisionhook

import "fmt"

// MaxSize is a [Check] that refuses a variable of more than perEntry bytes and an environment of more than total bytes.
// A variable counts as the system counts it: its name, its value, and 2 bytes for the "=" and the NUL. A limit of zero
// or less is none. A mutator may always delete.
//
// A process with more than the system takes doesn't start, and "argument list too long" names no variable. Linux takes
// 131,072 bytes for each variable, and for environment and arguments together a quarter of the limit of the stack, by
// default 2 MiB; MaxSize(131072, 1<<20) leaves room. What carries the environment to the workspace may take far less.
func MaxSize(perEntry, total int) Check {
	return func(c Change, env map[string]string) error {
		if c.Kind == KindDelete {
			return nil
		}
		if size := entrySize(c.Key, env[c.Key]); perEntry > 0 && size > perEntry {
			return fmt.Errorf("the variable has %d bytes, at most %d are allowed", size, perEntry)
		}
		if total <= 0 {
			return nil
		}
		size := 0
		for key, value := range env {
			size += entrySize(key, value)
		}
		if size > total {
			return fmt.Errorf("the environment has %d bytes with it, at most %d are allowed", size, total)
		}
		return nil
	}
}

func entrySize(key, value string) int { return len(key) + len(value) + 2 }
