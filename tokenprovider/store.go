package tokenprovider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// Store keeps small values for all replicas of a service: a Redis, a table of a database. [Shared] puts sealed tokens
// into it; nothing in a Store is in clear but the keys. Package redisstore has one on Redis, and
// tokenprovidertest.RunStore checks one of your own.
//
// All methods are safe for concurrent use and return when ctx ends, with an error. Values and locks are apart: a lock
// on a key doesn't touch the value of that key, nor the other way round.
type Store interface {
	// Load is the value of key; nil and no error when there is none or when its time is over.
	Load(ctx context.Context, key string) ([]byte, error)

	// Save sets the value of key, whatever it was. The value is gone after ttl, which is more than zero.
	Save(ctx context.Context, key string, value []byte, ttl time.Duration) error

	// Delete removes the value of key. That there is none is no error.
	Delete(ctx context.Context, key string) error

	// TryLock takes the lock of key if nobody has it, and doesn't wait for it; ok is false when somebody does. The lock
	// ends at unlock or after ttl, whichever is first. An unlock that comes too late leaves the lock of whoever has it
	// by then alone. With ok, unlock isn't nil.
	TryLock(ctx context.Context, key string, ttl time.Duration) (unlock func(context.Context) error, ok bool, err error)
}

// storePatience bounds each call of a Store: a mint takes less than the wait for a store that doesn't answer.
const storePatience = 2 * time.Second

// storeWait is how long a call of the store may take: at most a quarter of what is left of ctx, since the rest is
// needed for a mint when the store hangs.
func storeWait(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(storePatience, time.Until(deadline)/4)
	}
	return storePatience
}

// errStoreHangs is the error of a store that gave no answer in time.
var errStoreHangs = errors.New("no answer in time")

// reply is what a call of the store brought.
type reply[T any] struct {
	value T
	err   error
}

// callStore makes a call of a Store, which is foreign code: it returns after wait or at the end of ctx even if the call
// doesn't, and a panic and runtime.Goexit become errors.
func callStore[T any](ctx context.Context, wait time.Duration, logger *slog.Logger, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	replies := make(chan reply[T], 1)
	go func() {
		r := reply[T]{err: errors.New("the store ended its goroutine (runtime.Goexit)")}
		defer func() {
			if v := recover(); v != nil { // its value may hold anything: only its type is told
				logger.Error("token store panicked", "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
				r = reply[T]{err: fmt.Errorf("the store panicked with a %T", v)}
			}
			replies <- r
		}()
		r.value, r.err = call(ctx)
	}()

	var r reply[T]
	select {
	case r = <-replies:
	case <-ctx.Done():
		select {
		case r = <-replies:
		default:
			r.err = errStoreHangs
		}
	}
	if r.err != nil && ctx.Err() != nil {
		r.err = errStoreHangs
	}
	return r.value, r.err
}
