package tokenhttp

import (
	"slices"
	"sync"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

// rejections is what a [Client] remembers of the tokens that git or an API
// refused, each by its [tokenprovider.TokenSHA256]: the last ones and not the
// last one alone, since each of several replicas behind one address can have a
// dead token of its own.
type rejections struct {
	mu        sync.Mutex
	digests   []string // the newest first
	delivered string   // the digest of the token of the last call
}

// add notes digest, and reports whether the last call delivered that token.
func (r *rejections) add(digest string) bool {
	if digest == "" {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.digests = append([]string{digest}, without(r.digests, digest)...)
	r.digests = r.digests[:min(len(r.digests), wire.MaxRejected)]
	if digest != r.delivered {
		return false
	}
	r.delivered = ""
	return true
}

// list returns the digests to tell the endpoint, which aren't to be changed.
func (r *rejections) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.digests
}

// received notes the digest of a token that the endpoint delivered, knowing
// what it was told. A token that it delivers all the same isn't told again: it
// has none that is better.
func (r *rejections) received(digest string, told []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delivered = digest
	if slices.Contains(told, digest) {
		r.digests = without(r.digests, digest)
	}
}

// without returns a copy of digests in which digest isn't.
func without(digests []string, digest string) []string {
	return slices.DeleteFunc(slices.Clone(digests), func(d string) bool { return d == digest })
}
