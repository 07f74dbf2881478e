package appkey

import (
	"cmp"
	"os"
	"slices"
	"sync"
	"time"
)

// How long a key that failed comes after the others: this, doubling with each
// failure in a row.
const (
	firstRest = 30 * time.Second
	maxRest   = 15 * time.Minute
)

// checkEvery is how often the key file is looked at, at most.
const checkEvery = time.Second

// Ring is an app's keys, which of them is in use, and which of them failed.
// GitHub takes up to 25 keys of an app, so that a key can be replaced without a
// gap. A Ring is safe for concurrent use.
type Ring struct {
	file string // where the keys come from, if it is a file

	mu      sync.Mutex
	keys    []*ringKey // the one in use first
	read    os.FileInfo
	checked time.Time
}

// ringKey is a key and what is known of it.
type ringKey struct {
	*Key
	failures  int       // in a row: refused by GitHub, or no signature could be had
	restUntil time.Time // wall time
}

// NewRing returns a Ring of keys, of which there must be one at least. The
// first is in use.
func NewRing(keys []*Key) *Ring {
	r := new(Ring)
	r.replace(keys)
	return r
}

// OpenRing returns a Ring of the keys in the file at path, which [Ring.Reload]
// reads again.
func OpenRing(path string) (*Ring, error) {
	info, _ := os.Stat(path) // before it is read: what is written meanwhile is a change
	keys, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Ring{file: path, read: info}
	r.replace(keys)
	return r, nil
}

// Keys returns the keys in the order in which to try them: those that didn't
// fail of late, that failed least often and the one in use first, and then
// those that did, in the order in which their time to rest ends.
func (r *Ring) Keys() (fresh, resting []*Key) {
	now := time.Now().Round(0)
	r.mu.Lock()
	defer r.mu.Unlock()
	var first, last []*ringKey
	for _, k := range r.keys {
		if left := k.restUntil.Sub(now); left > 0 && left <= maxRest { // more when the clock was set back
			last = append(last, k)
		} else {
			first = append(first, k)
		}
	}
	slices.SortStableFunc(first, func(a, b *ringKey) int { return cmp.Compare(a.failures, b.failures) })
	slices.SortStableFunc(last, func(a, b *ringKey) int { return a.restUntil.Compare(b.restUntil) })
	for _, k := range first {
		fresh = append(fresh, k.Key)
	}
	for _, k := range last {
		resting = append(resting, k.Key)
	}
	return fresh, resting
}

// Failed takes note that k was refused, or that its signer failed: it comes
// after the others for a while, and for longer when it fails again after that.
// Calls that were under way at the same time count once.
func (r *Ring) Failed(k *Key) {
	now := time.Now().Round(0)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.keys {
		if !known.Same(k) {
			continue
		}
		if known.failures == 0 || !now.Before(known.restUntil) {
			known.failures++
		}
		known.restUntil = now.Add(min(firstRest<<min(known.failures-1, 16), maxRest))
	}
}

// Another reports whether there is a key to go on with that isn't in tried.
func (r *Ring) Another(tried []*Key) bool {
	fresh, resting := r.Keys()
	next := append(fresh, resting...)[0]
	return !slices.ContainsFunc(tried, next.Same)
}

// Len returns how many keys there are.
func (r *Ring) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.keys)
}

// Accepted takes note that GitHub accepted what k signed: it is the one in use.
func (r *Ring) Accepted(k *Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := slices.IndexFunc(r.keys, func(known *ringKey) bool { return known.Same(k) })
	if n < 0 {
		return // the file was replaced meanwhile
	}
	if r.keys[n].failures > 0 {
		r.keys[n] = &ringKey{Key: k}
	}
	if n > 0 {
		r.keys = append(r.keys[n:len(r.keys):len(r.keys)], r.keys[:n]...)
	}
}

// Reload reads the key file again, if there is one. Where that succeeds, its
// keys take the place of all that there were; of one that the file still has,
// all stays known. changed is false where the keys are the same.
func (r *Ring) Reload() (changed bool, err error) {
	if r.file == "" {
		return false, nil
	}
	info, _ := os.Stat(r.file)
	keys, err := ReadFile(r.file)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read, r.checked = info, time.Now()
	if err != nil {
		return false, err
	}
	return r.replace(keys), nil
}

// Changed looks whether the key file is another than the one that was read, at
// most once a second, and reloads it then. It reports whether there are other
// keys now. A file that can't be read, since it is just being written for
// example, is looked at again when it changes.
func (r *Ring) Changed() bool {
	if r.file == "" || !r.due() {
		return false
	}
	info, err := os.Stat(r.file)
	if err != nil || r.same(info) {
		return false
	}
	changed, _ := r.Reload()
	return changed
}

// due reports whether it is time to look at the file.
func (r *Ring) due() bool {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if since := now.Sub(r.checked); since >= 0 && since < checkEvery {
		return false
	}
	r.checked = now
	return true
}

func (r *Ring) same(info os.FileInfo) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.read != nil && os.SameFile(r.read, info) &&
		r.read.ModTime().Equal(info.ModTime()) && r.read.Size() == info.Size()
}

// replace puts keys in the place of those that there are. It reports whether
// there is one among them that wasn't there.
func (r *Ring) replace(keys []*Key) (changed bool) {
	old := r.keys
	r.keys = nil
	for _, known := range old { // the one in use stays the first
		if slices.ContainsFunc(keys, known.Same) {
			r.keys = append(r.keys, known)
		}
	}
	for _, k := range keys {
		if !slices.ContainsFunc(r.keys, func(known *ringKey) bool { return known.Same(k) }) {
			r.keys, changed = append(r.keys, &ringKey{Key: k}), true
		}
	}
	return changed
}
