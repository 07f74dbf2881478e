package main

import (
	"slices"
	"sync"
	"time"
)

// issued is what a workspace was given since it started. It is safe for
// concurrent use.
type issued struct {
	mu     sync.Mutex
	tokens []*token
}

func (i *issued) add(t *token) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if t != nil {
		i.tokens = append(i.tokens, t)
	}
}

func (i *issued) forget() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tokens = nil
}

// last returns the token that was issued last; nil for none.
func (i *issued) last() *token {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.tokens) == 0 {
		return nil
	}
	return i.tokens[len(i.tokens)-1]
}

// living returns those that haven't expired by what the platform knows: it
// doesn't revoke others, even if GitHub's clock was set back.
func (i *issued) living() []*token {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(i.tokens), func(t *token) bool { return time.Now().After(t.expires) })
}
