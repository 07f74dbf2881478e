// Package redisstore keeps in Redis what the replicas of a service share: it is
// a [tokenprovider.Store].
//
//	client := redis.NewClient(&redis.Options{
//		Addr:                  "redis:6379",
//		ContextTimeoutEnabled: true,
//	})
//	store := redisstore.New(client, nil)
//	shared, err := tokenprovider.NewShared(provider, store, tokenprovider.SharedOptions{
//		Key:      "my-forge/account-42",
//		SealKeys: [][]byte{sealKey},
//	})
//	tokens := tokenprovider.NewCache(shared, nil)
//
// It is a module of its own, so that only who uses Redis depends on its client.
// Any client of go-redis will do: of one server, of a cluster, of a ring, behind
// sentinels. It needs Redis 3.0 or later, or a server that speaks its language
// and knows EVAL.
//
// # What is in Redis
//
// With the default prefix the value of the key forge/42 is the string
// provisionkit:forge/42, with the time to live that it was swapped in with. An
// empty string counts as absent. Each environment needs a prefix or a database
// of its own.
//
// Load is a GET. Swap is one script with one key (GET, then SET or DEL), so a
// cluster needs no hash tags, and nobody comes between the look and the write.
// The client tries again by itself when an answer was lost; the script says yes
// to who finds the value swapped already.
//
// An access list for it: ~provisionkit:* +get +set +del +eval +evalsha, and with
// Replicas +watch +unwatch +wait, and what the client needs itself, such as
// +hello and +ping, and in a cluster +cluster|slots.
//
// Values are sealed before they come here. Who can read this Redis sees which
// keys there are; who can write to it can remove values and put old ones back.
//
// # What is lost with Redis
//
// Shared tokens cost a mint, so a Redis for these alone needs no persistence.
// What else is kept in a Store may be worth more: then Redis must forget no Swap
// that it answered. It needs
//
//   - maxmemory-policy noeviction: a Redis without memory refuses a Swap then,
//     but for a removal, where it would throw values away;
//   - persistence: appendonly yes, with appendfsync always, or everysec where a
//     second may be lost;
//   - no failover, or Replicas of [Options]: a replica that takes over without
//     the last Swap has forgotten it. Replicas are asked with WAIT, and the one
//     to take over must be one that has it: with one replica there is no other;
//     with several, Replicas is their number.
//
// # When Redis fails
//
// Shared gives each call 2 s at most, goes on without the store and mints for
// itself. With ContextTimeoutEnabled in the options of the client a call that
// was given up also ends then; without it, it ends at the client's own
// timeouts.
//
// A server that became a replica refuses a Swap (READONLY); the client looks for
// the new master and tries again. With Replicas a connection that breaks during
// a Swap is an error of it.
//
// A lock is only as good as the server that has it: after a failover two
// replicas may mint at once, which costs a mint.
//
// Don't have the client read from replicas of Redis (ReadOnly, RouteByLatency,
// RouteRandomly): what it reads there may be old.
//
// The client logs failed connections to standard error by itself;
// redis.SetLogger changes that.
package redisstore
