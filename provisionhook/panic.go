package provisionhook

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/secret"
)

// PanicError means that a mutator, a [Check] or the report of [FailOpen]
// panicked, or called [runtime.Goexit]. After Goexit Value is nil. After
// panic(nil) it is a [*runtime.PanicNilError].
//
// Value may hold secrets, since a mutator can panic with anything. So the text
// of the error has only Value's type, unless Value is an error of package
// runtime. The error prints, logs and encodes as that text, also in an exported
// field of another struct and when other errors wrap it. But don't keep a
// *PanicError that [errors.As] found in an unexported field of a struct: [fmt]
// calls no methods there, and prints Value.
//
// Two faults of a mutator can't be caught and end the process: a panic in a
// goroutine that it started, and concurrent writes to a map.
type PanicError struct {
	Value any    // what was passed to panic; nil after runtime.Goexit
	Stack []byte // of the panic, as debug.Stack formats it; nil after runtime.Goexit
}

// Error returns the text for operators, without the stack.
func (e *PanicError) Error() string {
	if e.Value == nil {
		return "it ended its goroutine (runtime.Goexit)"
	}
	return "panic: " + foreign.Cause(e.Value)
}

// Is reports whether Value is an error in which [errors.Is] finds target.
// PanicError has no method Unwrap, since loggers that follow it would print
// Value's text, which may hold a secret.
func (e *PanicError) Is(target error) bool {
	err, ok := e.Value.(error)
	return ok && asked(func() bool { return errors.Is(err, target) })
}

// As reports whether Value is an error in which [errors.As] finds an error for
// target, and sets target to it.
func (e *PanicError) As(target any) bool {
	err, ok := e.Value.(error)
	return ok && asked(func() bool { return errors.As(err, target) })
}

// asked returns what f does, which calls methods of a Value, and false when they
// break.
func asked(f func() bool) (answer bool) {
	_ = foreign.Do("", func() error { answer = f(); return nil })
	return answer
}

// Format prints the text under every verb.
func (e PanicError) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.Error()) }

// LogValue returns the text.
func (e PanicError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// MarshalText returns the text.
func (e PanicError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// call calls code of a platform or a plugin and waits for it, however long it
// takes. A panic and runtime.Goexit become a [*PanicError].
func call(f func() error) error {
	err := foreign.Do("", f)
	if defect, ok := err.(*foreign.Defect); ok {
		return panicked{secret.New(&PanicError{Value: defect.Value, Stack: defect.Stack})}
	}
	return err
}

// panicked is a [*PanicError] that other errors may wrap in their unexported
// fields: there fmt calls no methods, and finds a function in place of Value.
type panicked struct{ secret.Of[*PanicError] }

func (e panicked) Error() string                 { return e.Reveal().Error() }
func (e panicked) Unwrap() error                 { return e.Reveal() }
func (e panicked) Format(f fmt.State, verb rune) { e.Reveal().Format(f, verb) }
func (e panicked) LogValue() slog.Value          { return e.Reveal().LogValue() }
func (e panicked) MarshalText() ([]byte, error)  { return e.Reveal().MarshalText() }
