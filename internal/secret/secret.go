// Package secret holds what must not be shown: tokens, bearers, keys.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Of is a value that prints as [redacted] under every verb of fmt, in JSON, as
// text and in log/slog. In an unexported field of another struct, where those
// call no methods, they find a function and nothing to print. The zero Of holds
// the zero T. Two that were made by one call of [New] compare as equal, no others
// do. A value isn't wiped from memory.
type Of[T any] struct{ held *held[T] }

// held keeps the value in a function, in which nothing that prints finds it.
type held[T any] struct{ reveal func() T }

// New returns an Of that holds value.
func New[T any](value T) Of[T] { return Of[T]{&held[T]{func() T { return value }}} }

// Reveal returns the value.
func (s Of[T]) Reveal() T {
	if s.held == nil {
		var zero T
		return zero
	}
	return s.held.reveal()
}

// Redacted is what is shown in place of a secret.
const Redacted = "[redacted]"

// Format prints [Redacted] under every verb.
func (s Of[T]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// MarshalText returns [Redacted], for JSON and XML too.
func (s Of[T]) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// LogValue returns [Redacted].
func (s Of[T]) LogValue() slog.Value { return slog.StringValue(Redacted) }
