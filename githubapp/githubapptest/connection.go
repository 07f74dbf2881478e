package githubapptest

import (
	"compress/gzip"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/molecule-ai/provisionkit/internal/sleep"
)

// Hang never answers; it ends when the client gives up or the server is closed.
func Hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body) // net/http notices that a client left only once its request is read
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// Disconnect closes the connection instead of answering.
func Disconnect(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// Lost lets the server do what is asked, and answers with fault instead, such
// as [Disconnect] or [HTML].
func Lost(fault Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		record(w, r, next)
		fault(w, r, next)
	}
}

// Reset resets the TCP connection instead of answering; over HTTP/2 it resets
// the stream.
func Reset(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	raw := conn
	if t, ok := conn.(*tls.Conn); ok {
		raw = t.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = raw.Close()
}

// Delay holds the answer back for d.
func Delay(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !sleep.For(r.Context(), d) {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	}
}

// Truncate announces the whole body and breaks the connection off in the middle
// of it.
func Truncate(w http.ResponseWriter, r *http.Request, next http.Handler) {
	a := record(w, r, next)
	a.Header.Set("Content-Length", strconv.Itoa(len(a.Body)))
	a.writeHeader(w)
	_, _ = w.Write(a.Body[:len(a.Body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// ShortLength announces half of the body as the whole, so that the client takes
// half of an answer for complete.
func ShortLength(w http.ResponseWriter, r *http.Request, next http.Handler) {
	a := record(w, r, next)
	a.Header.Set("Content-Length", strconv.Itoa(len(a.Body)/2))
	a.writeHeader(w)
	_, _ = w.Write(a.Body[:len(a.Body)/2])
}

// SlowBody sends the body byte by byte, with a pause after each.
func SlowBody(pause time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		a := record(w, r, next)
		a.writeHeader(w)
		for n := range a.Body {
			if _, err := w.Write(a.Body[n : n+1]); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			if !sleep.For(r.Context(), pause) {
				panic(http.ErrAbortHandler)
			}
		}
	}
}

// HugeBody puts n bytes of white space before the body, which doesn't change
// its JSON. It sends no Content-Length.
func HugeBody(n int64) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		a := record(w, r, next)
		a.Header.Del("Content-Length")
		a.writeHeader(w)
		writePadded(w, n, a.Body)
	}
}

// GzipBomb answers as HugeBody does, compressed: about a thousandth of n on the
// wire, all of n for a client that decodes it.
func GzipBomb(n int64) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		a := record(w, r, next)
		a.Header.Del("Content-Length")
		a.Header.Set("Content-Encoding", "gzip")
		a.writeHeader(w)
		compressed := gzip.NewWriter(w)
		writePadded(compressed, n, a.Body)
		_ = compressed.Close()
	}
}

// writePadded writes n spaces and then body. It stops at an error: the client
// had enough.
func writePadded(w io.Writer, n int64, body []byte) {
	if _, err := io.CopyN(w, spaces{}, n); err == nil {
		_, _ = w.Write(body)
	}
}

// spaces is an endless reader of spaces.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for n := range p {
		p[n] = ' '
	}
	return len(p), nil
}
