package tokenprovider

import (
	"context"
	"time"
)

// Store keeps small values for all replicas of a service, for example in Redis
// or in a table of a database. This module puts only sealed values into it; the
// keys are in clear. Package redisstore has a Store on Redis, and
// tokenprovidertest.RunStore checks one of your own.
//
// A key is text in UTF-8, not empty and without NUL. A value is any bytes; an
// empty value means the same as nil everywhere: no value. Callers never write
// the same bytes twice under one key, so whoever finds a value knows who wrote
// it. A method keeps none of its arguments, and what it returns belongs to the
// caller.
//
// All methods are safe for concurrent use and return when ctx ends, with an
// error.
type Store interface {
	// Load returns the value of key; nil and no error when there is none or
	// when its ttl is over.
	Load(ctx context.Context, key string) ([]byte, error)

	// Swap replaces the value old of key by new, atomically for all replicas:
	// if several swap from the same old, one succeeds. A nil old means that
	// there must be no value. A nil new removes the value. The new value is
	// gone after ttl; with a ttl of zero or less it stays, and one of less than
	// a millisecond counts as a millisecond. If the value isn't old, swapped is
	// false and nothing changes.
	//
	// If the value is already new, swapped is true: the answer to an earlier
	// Swap was lost, or a client tried again by itself. Its ttl may then begin
	// anew.
	//
	// A Swap that failed or was given up may have happened, or may still
	// happen. So after false or an error the caller loads the value and looks
	// for its own, or swaps again. Only a Swap that returns true says that the
	// value is stored as durably as this Store can: after an error, Load may
	// return a value that a failure could still lose.
	//
	// To take a lock, Swap from nil to a value of one's own, with the longest
	// time that the lock may be held as ttl. To give it back, Swap that value
	// to nil.
	Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (
		swapped bool, err error)
}

// storeTimeout bounds each call of a Store: to mint without one that doesn't
// answer takes less than to wait for it.
const storeTimeout = 2 * time.Second

// storeTimeoutIn returns how long a call of the store may take: at most a
// quarter of what is left of ctx, since the rest is needed for a mint when the
// store hangs.
func storeTimeoutIn(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(storeTimeout, time.Until(deadline)/4)
	}
	return storeTimeout
}
