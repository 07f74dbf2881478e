package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/redis/go-redis/v9"
)

const defaultPrefix = "provisionkit:"

// Store is a [tokenprovider.Store] on Redis. Make it with [New]. Its methods
// are safe for concurrent use. Their errors are those of the client; errors.Is
// and errors.As find them.
type Store struct {
	client redis.UniversalClient
	prefix string
}

var _ tokenprovider.Store = (*Store)(nil)

// Options are the settings of a [Store].
type Options struct {
	// Prefix begins all keys in Redis, to tell services apart that share one.
	// The default is "provisionkit:".
	Prefix string
}

// New returns a Store that uses client, which stays the caller's to close. Nil
// opts mean the defaults. It doesn't connect. With a nil client each call of
// the Store is an error.
func New(client redis.UniversalClient, opts *Options) *Store {
	s := &Store{client: client, prefix: defaultPrefix}
	if foreign.IsNil(client) {
		s.client = nil
	}
	if opts != nil && opts.Prefix != "" {
		s.prefix = opts.Prefix
	}
	return s
}

// In the two names of a key in Redis the braces make the key their hash tag, so
// that a cluster keeps both on one node. No value has the name of a lock,
// whatever the keys are: one ends in a brace and the other one doesn't.
func (s *Store) valueKey(key string) string { return s.prefix + "{" + key + "}" }
func (s *Store) lockKey(key string) string  { return s.prefix + "{" + key + "}:lock" }

var errNoClient = errors.New("redisstore: New was given no client")

// Load implements [tokenprovider.Store].
func (s *Store) Load(ctx context.Context, key string) ([]byte, error) {
	if s.client == nil {
		return nil, errNoClient
	}
	value, err := s.client.Get(ctx, s.valueKey(key)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("redisstore: load %q: %w", key, err)
	}
	if len(value) == 0 {
		return nil, nil
	}
	return value, nil
}

// swap has the old value, the new one and its milliseconds (0: no end) as
// arguments; an empty value is none.
var swap = redis.NewScript(`
local held = redis.call("GET", KEYS[1]) or ""
if held ~= ARGV[1] and held ~= ARGV[2] then
	return 0
elseif ARGV[2] == "" then
	redis.call("DEL", KEYS[1])
elseif ARGV[3] == "0" then
	redis.call("SET", KEYS[1], ARGV[2])
else
	redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3])
end
return 1`)

// Swap implements [tokenprovider.Store].
func (s *Store) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (
	bool, error) {
	if s.client == nil {
		return false, errNoClient
	}
	swapped, err := swap.Run(ctx, s.client, []string{s.valueKey(key)}, old, new,
		max(0, milliseconds(ttl).Milliseconds())).Bool()
	if err != nil {
		return false, fmt.Errorf("redisstore: swap %q: %w", key, err)
	}
	return swapped, nil
}

// Save implements [tokenprovider.Store]. A ttl of zero or less is an error; one
// below a millisecond is rounded up.
func (s *Store) Save(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	switch {
	case s.client == nil:
		return errNoClient
	case ttl <= 0:
		return fmt.Errorf("redisstore: save %q for %s; the time must be more than 0", key, ttl)
	}
	if err := s.client.Set(ctx, s.valueKey(key), value, milliseconds(ttl)).Err(); err != nil {
		return fmt.Errorf("redisstore: save %q: %w", key, err)
	}
	return nil
}

// Delete implements [tokenprovider.Store].
func (s *Store) Delete(ctx context.Context, key string) error {
	if s.client == nil {
		return errNoClient
	}
	if err := s.client.Del(ctx, s.valueKey(key)).Err(); err != nil {
		return fmt.Errorf("redisstore: delete %q: %w", key, err)
	}
	return nil
}

// milliseconds returns d rounded up to the precision of Redis: what is more
// than 0 stays more than 0.
func milliseconds(d time.Duration) time.Duration {
	if rest := d % time.Millisecond; rest > 0 {
		d += time.Millisecond - rest
	}
	return d
}

// Format prints the prefix under every verb: the client's options hold its
// password.
func (s *Store) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "redisstore.Store(%q)", s.prefix)
}

// unlock removes a lock only as long as it is the one that was taken: it may
// have run out, and be another's by now.
var unlock = redis.NewScript(`
if redis.call("GET", KEYS[1]) == ARGV[1] then
	return redis.call("DEL", KEYS[1])
end
return 0`)

// TryLock implements [tokenprovider.Store]. The lock is one of this server, not
// of a majority of servers.
func (s *Store) TryLock(ctx context.Context, key string, ttl time.Duration) (
	func(context.Context) error, bool, error) {
	switch {
	case s.client == nil:
		return nil, false, errNoClient
	case ttl <= 0:
		return nil, false, fmt.Errorf(
			"redisstore: lock %q for %s; the time must be more than 0", key, ttl)
	}
	name, mine := s.lockKey(key), rand.Text()
	ok, err := s.client.SetNX(ctx, name, mine, milliseconds(ttl)).Result()
	if err != nil {
		return nil, false, fmt.Errorf("redisstore: lock %q: %w", key, err)
	}
	if !ok {
		return nil, false, nil
	}
	return func(ctx context.Context) error {
		if err := unlock.Run(ctx, s.client, []string{name}, mine).Err(); err != nil {
			return fmt.Errorf("redisstore: unlock %q: %w", key, err)
		}
		return nil
	}, true, nil
}
