package gateway

import "sync"

// buffers are what bodies are copied through.
var buffers = &bufferPool{}

type bufferPool struct{ pool sync.Pool }

// Get implements [httputil.BufferPool].
func (b *bufferPool) Get() []byte {
	if buffer, ok := b.pool.Get().(*[]byte); ok {
		return *buffer
	}
	return make([]byte, 32<<10)
}

// Put implements [httputil.BufferPool].
func (b *bufferPool) Put(buffer []byte) { b.pool.Put(&buffer) }
