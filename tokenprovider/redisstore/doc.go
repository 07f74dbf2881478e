// Package redisstore keeps shared tokens in Redis: it is a
// [tokenprovider.Store] for [tokenprovider.NewShared].
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
// Any client of go-redis will do: of one server, of a cluster, behind
// sentinels. It needs Redis 2.6.12 or later, or a server that speaks its
// language and knows SET with NX and PX, and EVAL.
//
// # What is in Redis
//
// With the default prefix and the key forge/42, two string keys:
//
//   - provisionkit:{forge/42} is the value, with the time to live of the token.
//   - provisionkit:{forge/42}:lock is there while one replica mints, at most
//     for LockTTL of the Shared. It is set with SET NX PX to a random value,
//     and removed by a script only as long as it has that value.
//
// The braces are a hash tag: in a cluster both keys are on the same node, and
// each command and script has one key. An access list for it: ~provisionkit:*
// +get +set +del +eval +evalsha (and what the client needs itself, such as
// +hello and +ping).
//
// Values are sealed by Shared before they come here. Who can read this Redis
// sees which tokens there are, not the tokens; who can write to it can remove
// them, which costs mints. Nothing is lost with a Redis that is empty after a
// restart, so it needs no persistence.
//
// # When Redis fails
//
// Shared gives each call 2 s at most, goes on without the store and mints for
// itself. With ContextTimeoutEnabled in the options of the client a call that
// was given up also ends then; without it, it ends at the client's own
// timeouts.
//
// A lock is only as good as the server that has it: after a failover two
// replicas may mint at once, which costs a mint.
//
// What is read from a replica of Redis (ReadOnly, RouteByLatency) may be old,
// which costs mints as well.
//
// The client logs failed connections to standard error by itself;
// redis.SetLogger changes that.
package redisstore
