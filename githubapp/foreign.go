package githubapp

import (
	"context"
	"errors"
	"fmt"
)

// reply is what a call of foreign code brought.
type reply[T any] struct {
	value T
	err   error
}

var errNoAnswer = errors.New("no answer in time")

// detached is call, which leads to foreign code, in a goroutine of its own: it returns at the end of ctx even if the call
// doesn't, and a panic and runtime.Goexit become errors. The value of a panic may hold anything, so only its type is told.
func detached[T any](ctx context.Context, who string, call func(context.Context) (T, error)) (T, error) {
	replies := make(chan reply[T], 1)
	go func() {
		got := reply[T]{err: internal(fmt.Errorf("%s ended its goroutine", who))}
		defer func() {
			if v := recover(); v != nil {
				got = reply[T]{err: internal(fmt.Errorf("%s panicked with a %T", who, v))}
			}
			replies <- got
		}()
		got.value, got.err = call(ctx)
	}()
	select {
	case got := <-replies:
		return got.value, got.err
	case <-ctx.Done():
		var none T
		return none, errNoAnswer
	}
}
