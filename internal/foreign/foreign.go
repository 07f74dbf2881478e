// Package foreign runs code that isn't this module's: providers, plugins,
// callbacks, stores, loggers. Whatever such code does, its caller goes on: a
// panic and runtime.Goexit become a [*Defect].
//
// [Do] waits for as long as the code takes; [Within] leaves it behind when a
// context ends. Both call it on a goroutine of its own, since the end of a
// goroutine by runtime.Goexit can't be stopped in that goroutine. No lock may be
// held during a call: the code may call back.
package foreign

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
)

// Defect is what foreign code did instead of returning.
type Defect struct {
	What  string // whose code it was, such as "the provider"
	Value any    // what was passed to panic; nil after runtime.Goexit
	Stack []byte // of the panic; nil after runtime.Goexit
}

// Error names the code and what it did. The value of a panic may hold anything,
// a token too, so its type is told; its text only where it is the runtime's own.
func (d *Defect) Error() string {
	if d.Value == nil {
		return d.What + " ended its goroutine (runtime.Goexit)"
	}
	return d.What + " panicked: " + Cause(d.Value)
}

// Cause returns what may be told of the value of a panic: the text of an error
// of the runtime's own, else the value's type.
func Cause(value any) (cause string) {
	cause = fmt.Sprintf("a value of type %T", value)
	defer func() { _ = recover() }() // a nil pointer to an error of the runtime's has no text
	t := reflect.TypeOf(value)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if err, ok := value.(error); ok && t.PkgPath() == "runtime" {
		return err.Error()
	}
	return cause
}

// ErrNoAnswer says that foreign code had not returned when the context ended.
var ErrNoAnswer = errors.New("no answer in time")

// Do calls f and returns its error, or a [*Defect] that names what.
func Do(what string, f func() error) error {
	return (<-start(what, func() (struct{}, error) { return struct{}{}, f() })).err
}

// Within calls f with ctx and returns what it returns, or a [*Defect] that names
// what. When f has not returned at the end of ctx the error is [ErrNoAnswer], and
// what f returns later is lost.
func Within[T any](ctx context.Context, what string, f func(context.Context) (T, error)) (T, error) {
	replies := start(what, func() (T, error) { return f(ctx) })
	select {
	case r := <-replies:
		return r.value, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-replies: // both were ready
		return r.value, r.err
	default:
		var none T
		return none, ErrNoAnswer
	}
}

// reply is what a call of foreign code brought.
type reply[T any] struct {
	value T
	err   error
}

// start calls f on a goroutine that ends when f does, and sends what it brought.
func start[T any](what string, f func() (T, error)) <-chan reply[T] {
	replies := make(chan reply[T], 1)
	go func() {
		r := reply[T]{err: &Defect{What: what}}
		defer func() {
			if value := recover(); value != nil {
				r = reply[T]{err: &Defect{What: what, Value: value, Stack: debug.Stack()}}
			}
			replies <- r
		}()
		value, err := f()
		ask(err)
		r = reply[T]{value, err}
	}()
	return replies
}

// ask calls the methods of err and of the errors in it, which are foreign code as
// well: one that panics (as that of a nil pointer in an error does) or hangs has
// to do so where it harms nobody.
func ask(err error) {
	if err == nil {
		return
	}
	_ = err.Error()
	var nobodys *Defect
	_, _ = errors.Is(err, ErrNoAnswer), errors.As(err, &nobodys)
}

// IsNil reports whether v is nil or an interface that holds a nil: a pointer of
// that kind satisfies an interface, and panics only when it is called.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Chan, reflect.Func, reflect.Map, reflect.Pointer, reflect.Slice, reflect.UnsafePointer:
		return value.IsNil()
	default:
		return false
	}
}
