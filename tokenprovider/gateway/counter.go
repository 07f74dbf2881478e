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
	sent   atomic.Int64
}

// Unwrap is for [http.ResponseController].
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *counter) WriteHeader(status int) {
	if c.status == 0 && status >= http.StatusOK { // a 1xx comes before the answer
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(p)
	c.sent.Add(int64(n))
	return n, err
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
