package tokenhttp

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// reply is the body of an answer.
type reply struct {
	mediaType string
	body      []byte
}

// jsonReply is v, a struct of this package, as JSON.
func jsonReply(v any) *reply {
	body, err := json.Marshal(v)
	if err != nil { // strings, numbers and sayable times always encode
		panic("tokenhttp: " + err.Error())
	}
	return &reply{jsonType, body}
}

// write sends p under the headers that all answers have. The form of an answer depends on what the caller accepts.
func (p *reply) write(w http.ResponseWriter, status int) {
	header := w.Header()
	header.Set("Content-Type", p.mediaType)
	header.Set("Content-Length", strconv.Itoa(len(p.body)))
	header.Set("Cache-Control", "no-store")
	header.Set("Pragma", "no-cache")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Vary", "Accept")
	w.WriteHeader(status)
	_, _ = w.Write(p.body) // the client is gone; nobody is left to be told
}
