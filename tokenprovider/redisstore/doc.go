// Package redisstore has a [tokenprovider.Store] on Redis, for what the
// replicas of a service share.
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
// It is a module of its own, so that only its users depend on go-redis. Any
// client of go-redis works: for one server, a cluster, a ring, or with
// sentinels. It needs Redis 3.0 or later, or a compatible server with EVAL.
//
// # What is in Redis
//
// With the default prefix the value of the key forge/42 is the Redis string
// provisionkit:forge/42, with the ttl of its Swap. An empty string counts as
// absent. Two platforms that share a Redis need different prefixes or
// databases.
//
// Load is a GET. Swap is one script with one key (GET, then SET or DEL), so it
// is atomic, and a cluster needs no hash tags. go-redis runs the script again
// by itself when an answer was lost; the script returns true if the value was
// swapped already.
//
// These ACL rules (see Redis's ACL SETUSER) suffice: ~provisionkit:* +get +set
// +del +eval +evalsha; with Replicas also +watch +unwatch +wait; and what the
// client itself needs, such as +hello and +ping, and in a cluster
// +cluster|slots.
//
// The values of this module are sealed before they are stored. Whoever can read
// the Redis sees the keys; whoever can write to it can remove values and
// restore old ones.
//
// # What is lost with Redis
//
// A shared token that is lost costs a mint, so a Redis for
// [tokenprovider.Shared] alone needs no persistence. Records of workspaces
// (package githubapp) and refresh tokens (package oauth2token) must not be
// lost: Redis must forget no Swap that it confirmed. It needs
//
//   - maxmemory-policy noeviction, so that a Redis without memory refuses a
//     Swap rather than throw values away;
//   - persistence: appendonly yes, with appendfsync always, or everysec where a
//     second may be lost;
//   - no failover, or [Options].Replicas: a replica that takes over without the
//     last Swap has forgotten it. Set Replicas to the number of all replicas
//     that may take over.
//
// # When Redis fails
//
// [tokenprovider.Shared] gives each call 2 s at most, and then mints without
// the store. With ContextTimeoutEnabled in the client's options such a call
// ends at once; without it, at the client's own timeouts.
//
// A server that became a replica refuses a Swap (READONLY); go-redis finds the
// new master and tries again. With Replicas, a Swap whose connection breaks
// returns an error.
//
// After a failover that loses a lock two replicas of the service may mint at
// once, which costs one mint.
//
// Don't let the client read from replicas of Redis (ReadOnly, RouteByLatency,
// RouteRandomly): their values may be old.
//
// The client logs failed connections to standard error by itself;
// redis.SetLogger changes that.
package redisstore
