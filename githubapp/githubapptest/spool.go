package githubapptest

import (
	"io"
	"net/http"
	"os"
)

// spooled is a request's body in a file. git sends a pack of more than 1 MiB
// without announcing its length; net/http/cgi refuses that over HTTP/1.1, and
// over HTTP/2 an answer that comes before the body's end can leave both sides
// waiting.
type spooled struct {
	*os.File
	size int64
}

func (s *Server) spool(r *http.Request) (*spooled, error) {
	file, err := os.CreateTemp(s.gitRoot, "body-*")
	if err != nil {
		return nil, err
	}
	body := &spooled{File: file}
	if body.size, err = io.Copy(file, r.Body); err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		body.close()
		return nil, err
	}
	return body, nil
}

func (b *spooled) close() {
	_ = b.File.Close()
	_ = os.Remove(b.Name())
}
