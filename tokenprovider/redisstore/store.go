package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/redis/go-redis/v9"
)

const (
	defaultPrefix = "provisionkit:"

	// replicaPatience is how long a Swap waits for replicas of Redis at most,
	// and half of what is left of ctx: the rest is for its caller.
	replicaPatience = time.Second
)

// Store is a [tokenprovider.Store] on Redis. Make it with [New]. Its methods
// are safe for concurrent use. Their errors are those of the client, or wrap
// them.
type Store struct {
	client   redis.UniversalClient
	prefix   string
	replicas int
}

var _ tokenprovider.Store = (*Store)(nil)

// Options are the settings of a [Store]. The zero Options are the defaults.
type Options struct {
	// Prefix is put before all keys in Redis, so that several platforms can
	// share one. The default is "provisionkit:".
	Prefix string

	// Replicas is how many replicas of Redis must confirm a Swap (by WAIT), so
	// that a failover to one of them doesn't lose it. Zero or less: Swap
	// doesn't wait for any. If fewer confirm it within a second, or within half
	// of the time that is left of ctx, Swap returns an error, although the
	// master has the new value; swapping again waits again.
	Replicas int
}

// New returns a [Store] that uses client, which the caller closes. Nil opts
// mean the defaults. New doesn't connect. With a nil client each call of the
// Store returns an error.
func New(client redis.UniversalClient, opts *Options) *Store {
	s := &Store{client: client, prefix: defaultPrefix}
	if foreign.IsNil(client) {
		s.client = nil
	}
	if opts != nil {
		s.replicas = opts.Replicas
		if opts.Prefix != "" {
			s.prefix = opts.Prefix
		}
	}
	return s
}

var errNoClient = errors.New("redisstore: New was given no client")

// Load implements [tokenprovider.Store].
func (s *Store) Load(ctx context.Context, key string) ([]byte, error) {
	if s.client == nil {
		return nil, errNoClient
	}
	value, err := s.client.Get(ctx, s.prefix+key).Bytes()
	switch {
	case errors.Is(err, redis.Nil), err == nil && len(value) == 0:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("redisstore: load %q: %w", key, err)
	}
	return value, nil
}

// swap has as arguments the old value, the new one and its life in
// milliseconds, 0 for one without an end; an empty value is none. Where the new
// value is already, it is written again, and none is written and removed: WAIT
// waits for what its own connection wrote, and an earlier try came by another
// one.
var swap = redis.NewScript(`
local held = redis.call("GET", KEYS[1]) or ""
if held ~= ARGV[1] and held ~= ARGV[2] then
	return 0
end
if ARGV[2] == "" then
	if held == "" then
		redis.call("SET", KEYS[1], "")
	end
	redis.call("DEL", KEYS[1])
elseif ARGV[3] == "0" then
	redis.call("SET", KEYS[1], ARGV[2])
else
	redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3])
end
return 1`)

// Swap implements [tokenprovider.Store].
func (s *Store) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (
	swapped bool, err error) {
	if s.client == nil {
		return false, errNoClient
	}
	name := s.prefix + key
	run := func(c redis.Scripter) error {
		milliseconds := max(0, (ttl+time.Millisecond-1)/time.Millisecond)
		var err error
		swapped, err = swap.Run(ctx, c, []string{name}, old, new, int64(milliseconds)).Bool()
		return err
	}
	if s.replicas <= 0 {
		err = run(s.client)
	} else {
		// Not for the transaction: with Watch any client gives the connection
		// that it watches the key with, to the server that has it.
		err = s.client.Watch(ctx, func(tx *redis.Tx) error {
			if err := run(tx); err != nil || !swapped {
				return err
			}
			return s.wait(ctx, tx)
		}, name)
	}
	if err != nil {
		return false, fmt.Errorf("redisstore: swap %q: %w", key, err)
	}
	return swapped, nil
}

// wait returns nil when enough replicas have what tx wrote.
func (s *Store) wait(ctx context.Context, tx *redis.Tx) error {
	patience := replicaPatience
	if deadline, ok := ctx.Deadline(); ok {
		patience = max(time.Millisecond, min(patience, time.Until(deadline)/2)) // 0 would be for ever
	}
	have, err := tx.Wait(ctx, s.replicas, patience).Result()
	if err != nil {
		return fmt.Errorf("wait for %d replicas: %w", s.replicas, err)
	}
	if have < int64(s.replicas) {
		return fmt.Errorf("%d replicas have it, and %d must", have, s.replicas)
	}
	return nil
}

// Format prints the prefix under every verb: the client's options hold its
// password.
func (s *Store) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "redisstore.Store(%q)", s.prefix)
}
