package wire

import (
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
)

// Answer is the body of an answer of this module's.
type Answer struct {
	MediaType string
	Body      []byte
}

// Write sends a under the headers that all answers have: none of them may be
// stored, and the form of each depends on what the caller accepts.
func (a Answer) Write(w http.ResponseWriter, status int) {
	header := w.Header()
	header.Set("Content-Type", a.MediaType)
	header.Set("Content-Length", strconv.Itoa(len(a.Body)))
	header.Set("Cache-Control", "no-store")
	header.Set("Pragma", "no-cache")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Vary", "Accept")
	w.WriteHeader(status)
	_, _ = w.Write(a.Body) // the client is gone; nobody is left to be told
}

// JSONAnswer returns v as JSON. v has to be a struct of strings, numbers and
// times that [Sayable] returned, which always encodes.
func JSONAnswer(v any) Answer {
	body, err := json.Marshal(v)
	if err != nil {
		return Answer{JSON, []byte(`{"error":"internal error","code":"internal"}`)}
	}
	return Answer{JSON, body}
}

// Error is the body of every refusal.
type Error struct {
	Error string `json:"error"`
	Code  string `json:"code"`
}

// IsJSON reports whether the body under header is JSON.
func IsJSON(header http.Header) bool {
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && mediaType == JSON
}
