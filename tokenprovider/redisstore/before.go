package redisstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

func (s *Store) valueKey(key string) string { return s.prefix + key }
func (s *Store) lockKey(key string) string  { return s.prefix + key + ":lock" }

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
