package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// maxBody bounds, in bytes, the bodies that say what a request asks for.
const maxBody = 1 << 20

// Body returns the whole body of r, which has to be JSON, and puts it back, so
// that it can be sent more than once. It is for a [Forge] that has to know what
// a body says. It returns a [*Refusal] for a body that is larger than 1 MiB, is
// compressed, has a Content-Type other than JSON in UTF-8, or doesn't come
// whole.
func Body(r *http.Request) ([]byte, error) {
	if !isJSON(r.Header.Values("Content-Type")) {
		return nil, &Refusal{"a body that says what is meant has to be JSON: send it with Content-Type: application/json"}
	}
	if len(r.Header.Values("Content-Encoding")) > 0 {
		return nil, &Refusal{"a compressed body is refused here, since it says what is meant"}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, &Refusal{"the body didn't come whole, or not in time"}
	case len(body) > maxBody:
		return nil, &Refusal{fmt.Sprintf("the body is larger than %d bytes", maxBody)}
	}
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body, _ = r.GetBody()
	r.ContentLength, r.TransferEncoding = int64(len(body)), nil
	return body, nil
}

// isJSON reports whether everybody reads a body with these values of Content-Type
// as JSON in UTF-8.
func isJSON(contentTypes []string) bool {
	if len(contentTypes) != 1 {
		return len(contentTypes) == 0
	}
	mediaType, parameters, err := mime.ParseMediaType(contentTypes[0])
	charset := parameters["charset"]
	return err == nil && (charset == "" || strings.EqualFold(charset, "utf-8")) &&
		(mediaType == "application/json" || strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json"))
}

// Fields returns the fields of the JSON object that is body. It returns an
// error where two programs could read body in two ways: for two names that
// differ at most in case, invalid UTF-8 in a name, or anything before or after
// the object.
func Fields(body []byte) (map[string]json.RawMessage, error) {
	in := json.NewDecoder(bytes.NewReader(body))
	if t, err := in.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it isn't a JSON object")
	}
	fields := map[string]json.RawMessage{}
	folded := map[string]bool{}
	for in.More() {
		t, err := in.Token()
		name, isName := t.(string)
		if err != nil || !isName || strings.ContainsRune(name, '\uFFFD') {
			return nil, errors.New("it is malformed JSON")
		}
		if folded[strings.ToLower(name)] {
			return nil, errors.New("it has a name twice")
		}
		folded[strings.ToLower(name)] = true
		var value json.RawMessage
		if in.Decode(&value) != nil {
			return nil, errors.New("it is malformed JSON")
		}
		fields[name] = value
	}
	if _, err := in.Token(); err != nil {
		return nil, errors.New("it is malformed JSON")
	}
	if _, err := in.Token(); err != io.EOF {
		return nil, errors.New("there is something behind the JSON object")
	}
	return fields, nil
}
