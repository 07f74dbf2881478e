package provisionhook

import (
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
)

// MutatorError says which mutator failed, for which workspace. [Registry.Run] and [Registry.Plan] return it for the
// first one, [Registry.Release] for each.
//
// Mutator may be shown to the workspace's user. Err, and with it the text of the error, is for operators: it comes from
// the mutator.
type MutatorError struct {
	Mutator     string // its name
	WorkspaceID string
	Err         error // what the mutator or a [Check] returned, [*PanicError], or the error of the context
}

// Error is the text for operators. It begins with provisionhook and the quoted name.
func (e *MutatorError) Error() string {
	return fmt.Sprintf("provisionhook %q: %v", e.Mutator, e.Err)
}

// Unwrap is the cause.
func (e *MutatorError) Unwrap() error { return e.Err }

// PanicError is a panic of a mutator or a [Check], turned into an error where it was called.
//
// Printed, logged or encoded, by itself or inside an exported field, it shows its text only: that of Value if Value is a
// string or an error, else the type of Value, which may be the environment itself. Inside an unexported field, where
// [fmt] calls no methods, it can't hide Value: don't print what holds it there.
//
// It can't stand for all that a mutator may do to the process: a panic in a goroutine that the mutator started, and
// concurrent use of a map, are fatal. [runtime.Goexit] is no panic: it ends the goroutine of the caller, with nothing
// changed and no lock held.
type PanicError struct {
	Value any    // what was passed to panic
	Stack []byte // of the goroutine, as [debug.Stack] formats it
}

// Error is the text for operators, without the stack.
func (e *PanicError) Error() string {
	switch v := e.Value.(type) {
	case string:
		return "panic: " + v
	case error:
		return fmt.Sprintf("panic: %v", v)
	default:
		return fmt.Sprintf("panic: a value of type %T", v)
	}
}

// Unwrap is Value if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Format prints the text under every verb.
func (e PanicError) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.Error()) }

// LogValue is the text.
func (e PanicError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// MarshalText is the text.
func (e PanicError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// guard calls f and turns a panic into a [*PanicError].
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}
