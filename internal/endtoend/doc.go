// Package endtoend has tests that drive the whole system from outside: the
// command as it is shipped, the real git, and a platform made of the real
// packages with a fake GitHub. Tokens die because their life is short.
package endtoend
