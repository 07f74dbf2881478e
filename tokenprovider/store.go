package tokenprovider

import (
	"context"
	"time"
)

// Store keeps small values for all replicas of a service: a Redis, a table of a
// database. [Shared] puts sealed tokens into it; nothing in a Store is in clear
// but the keys. Package redisstore has one on Redis, and
// tokenprovidertest.RunStore checks one of your own.
//
// A key is any text but the empty one, in UTF-8 and without NUL. A value is any
// bytes; an empty one is no value, and means the same as nil everywhere. Values
// are unique: nobody writes the same bytes twice under one key, so who finds a
// value knows who wrote it. What a method is given it doesn't keep, and what it
// returns is the caller's.
//
// All methods are safe for concurrent use and return when ctx ends, with an
// error.
type Store interface {
	// Load returns the value of key; nil and no error when there is none or
	// when its time is over.
	Load(ctx context.Context, key string) ([]byte, error)

	// Swap puts new where old is, in one step for all replicas: of many that
	// swap from the same old one succeeds. An old that is nil is no value: the
	// Swap succeeds only where none is. A new that is nil removes the value.
	// The new value is gone after ttl; zero or less: it stays, and less than a
	// millisecond counts as one. Where another value than old is, swapped is
	// false and nothing changes.
	//
	// Where new is already, swapped is true: the answer to an earlier Swap was
	// lost, or a client tried again by itself. Its ttl may begin anew then.
	//
	// A Swap that failed or was given up may have happened, or may happen yet.
	// So after false or an error the caller loads again and looks for its own
	// value, or swaps again. Only the latter says, with true, that the value is
	// as safe as the store keeps values: after an error it may be there and not
	// yet where it would survive a failure.
	//
	// A lock is a Swap from nil to a value of one's own, with the longest time
	// that it may be held as ttl; it is released by a Swap to nil.
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
