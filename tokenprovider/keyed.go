package tokenprovider

import (
	"fmt"
	"sync"
	"time"
	"weak"

	"github.com/molecule-ai/provisionkit/internal/foreign"
)

// Keyed has one [Cache] for each key, such as an installation, a workspace or a
// tenant. Make it with [NewKeyed]; it must not be copied. All methods are safe
// for concurrent use, and the refresh of one key never delays another.
//
// A key that nobody uses any more costs nothing but memory. A mint of any key
// lets go of the caches whose token has expired, at the latest one token life
// after that. A Cache that a caller still holds goes on working, and Get goes
// on returning it.
type Keyed[K comparable] struct {
	provider func(K) TokenProvider
	opts     *settings

	mu      sync.RWMutex
	caches  map[K]keyedCache
	made    uint64    // caches made, which names their flights
	sweepAt time.Time // no sweep is due before
}

// keyedCache is held strongly while it is in use, and weakly when it is idle.
type keyedCache struct {
	inUse *Cache
	idle  weak.Pointer[Cache]
}

func (k keyedCache) cache() *Cache {
	if k.inUse != nil {
		return k.inUse
	}
	return k.idle.Value()
}

// NewKeyed returns a Keyed. p makes the provider for the [Cache] of a key; nil
// opts mean the defaults. p must be safe for concurrent use. Keyed may call it
// more than once for a key, and doesn't use every provider that it makes.
func NewKeyed[K comparable](p func(K) TokenProvider, opts *CacheOptions) *Keyed[K] {
	k := &Keyed[K]{provider: p, opts: opts.settings(), caches: make(map[K]keyedCache)}
	k.opts.onMint = k.sweep
	return k
}

// Get returns the [Cache] of key. Keep it where you can: its Token needs no
// lookup. If the function that makes providers panics or ends its goroutine,
// the Cache answers with [CodeInternal], and the next Get calls the function
// again.
func (k *Keyed[K]) Get(key K) *Cache {
	k.mu.RLock()
	c := k.caches[key].inUse
	k.mu.RUnlock()
	if c != nil {
		return c
	}
	var p TokenProvider
	err := foreign.Do("the function that makes providers", func() error { // not under the lock
		p = k.provider(key)
		return nil
	})
	if err != nil {
		p = failing(withoutDefect(err, k.opts.logger, "provider", k.opts.name))
	}

	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.caches[key].cache(); c != nil {
		k.caches[key] = keyedCache{inUse: c}
		return c
	}
	k.made++
	c = newCache(p, k.opts, k.made)
	if err == nil {
		k.caches[key] = keyedCache{inUse: c}
	}
	return c
}

// Drop forgets key and the token of its [Cache], whatever its age, because it
// is known to be dead. That Cache goes on working for callers that hold it, but
// Get makes another one.
func (k *Keyed[K]) Drop(key K) {
	k.mu.Lock()
	c := k.caches[key].cache()
	delete(k.caches, key)
	k.mu.Unlock()
	if c != nil {
		c.Drop()
	}
}

// Format prints the name under every verb. Without it fmt would read the fields
// while others write them.
func (k *Keyed[K]) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "tokenprovider.Keyed(%q)", k.opts.name)
}

// sweep lets idle caches go, after a token of the given life was minted. It
// looks at all of them at most twice in such a life, so that a thousand mints
// don't look at a thousand caches each.
func (k *Keyed[K]) sweep(life time.Duration) {
	now := time.Now()
	next := now.Add(max(life, mintInterval) / 2)
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Before(k.sweepAt) {
		if next.Before(k.sweepAt) {
			k.sweepAt = next
		}
		return
	}
	k.sweepAt = next
	for key, kept := range k.caches {
		switch c := kept.cache(); {
		case c == nil:
			delete(k.caches, key)
		case c.state.Load().idle(now):
			k.caches[key] = keyedCache{idle: weak.Make(c)}
		default:
			k.caches[key] = keyedCache{inUse: c} // idle once, and used again by one who held it
		}
	}
}
