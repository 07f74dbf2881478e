package gateway

import (
	"io"
	"net/http"
	"sync/atomic"
)

// counter counts what goes back to the client, and remembers the status.
type counter struct {
	http.ResponseWriter
	status int
	last   int // bytes of the last write
	sent   atomic.Int64
}

// bulk is how large a write is of which the server keeps nothing back: more than
// two of its buffers.
const bulk = 8 << 10

// Unwrap is for [http.ResponseController].
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// WriteHeader implements [http.ResponseWriter]. It sends no 1xx, whose headers
// nobody judged: they come before the answer.
func (c *counter) WriteHeader(status int) {
	if status < http.StatusOK {
		return
	}
	if c.status == 0 {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(p)
	c.last = n
	c.sent.Add(int64(n))
	return n, err
}

// FlushError is for [http.ResponseController]. Behind a large write there is
// nothing to flush but the end of a chunk, for which a packet of its own would be
// sent; of a pack that would be every third.
func (c *counter) FlushError() error {
	if c.last > bulk {
		return nil
	}
	return http.NewResponseController(c.ResponseWriter).Flush()
}

// body counts what comes from the client.
type body struct {
	io.ReadCloser
	received atomic.Int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.received.Add(int64(n))
	return n, err
}

// drain reads at most n bytes of what is left.
func (b *body) drain(n int64) { _, _ = io.CopyN(io.Discard, b, n) }
