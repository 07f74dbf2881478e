package appkey

import (
	"slices"
	"sync"
)

// Ring is an app's keys and which of them is in use. GitHub takes up to 25 keys
// of an app, so that a key can be replaced without a gap. A Ring is safe for
// concurrent use.
type Ring struct {
	file string // where the keys come from, if it is a file

	mu      sync.Mutex
	keys    []*Key
	current int
}

// NewRing returns a Ring of keys, of which there must be one at least. The
// first is in use.
func NewRing(keys []*Key) *Ring { return &Ring{keys: keys} }

// OpenRing returns a Ring of the keys in the file at path, which [Ring.Reload]
// reads again.
func OpenRing(path string) (*Ring, error) {
	keys, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	return &Ring{file: path, keys: keys}, nil
}

// InUse returns the key to sign with.
func (r *Ring) InUse() *Key {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys[r.current]
}

// Len returns how many keys there are.
func (r *Ring) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.keys)
}

// Next puts another key into use after refused was refused. It reports whether
// there is one to go on with, that is one that isn't in tried. When another
// call has moved on already, its choice stays.
func (r *Ring) Next(refused *Key, tried []*Key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.keys[r.current]; !k.Same(refused) {
		return !slices.ContainsFunc(tried, k.Same)
	}
	for n := range r.keys {
		at := (r.current + n) % len(r.keys)
		if !slices.ContainsFunc(tried, r.keys[at].Same) {
			r.current = at
			return true
		}
	}
	return false
}

// Reload reads the key file again, if there is one. Where that succeeds, its
// keys take the place of all that there were; the one in use stays in use if
// the file still has it.
func (r *Ring) Reload() error {
	if r.file == "" {
		return nil
	}
	keys, err := ReadFile(r.file)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	inUse := r.keys[r.current]
	r.keys, r.current = keys, 0
	for n, k := range keys {
		if k.Same(inUse) {
			r.keys[n], r.current = inUse, n
		}
	}
	return nil
}
