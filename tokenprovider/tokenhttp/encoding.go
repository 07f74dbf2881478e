package tokenhttp

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// The bounds of a body with git's attributes: those of [gitcredential.ReadRequest], and a time after which nothing more
// of it is waited for, where the server allows that to be set.
const (
	maxGitRequest     = 1 << 20
	gitRequestTimeout = 10 * time.Second
)

// encoding makes the answer for a token. It is chosen before there is one: what can't be answered costs no token.
type encoding func(token string, expiresAt time.Time) (*reply, error)

// asJSON is the encoding for everyone who doesn't ask for another.
func (h *Handler) asJSON(token string, expiresAt time.Time) (*reply, error) {
	return jsonReply(tokenAnswer{Token: token, ExpiresAt: wireTime(expiresAt), Username: h.options.Username}), nil
}

// asksForGit reports whether the answer to r is git's own text, which takes git's attributes in a body. Who can do with
// JSON as well gets that for a GET.
func asksForGit(r *http.Request) (bool, *refusal) {
	switch {
	case !prefers(r, gitType, jsonType):
		return false, nil
	case r.Method == http.MethodPost:
		return true, nil
	case accepts(r, jsonType):
		return false, nil
	}
	return false, notAcceptable
}

// asGit is the encoding for the request of git in r's body, if it is one for a host whose credentials these are.
func (h *Handler) asGit(w http.ResponseWriter, r *http.Request) (encoding, *refusal) {
	// Git's request has a kilobyte, so it comes at once or not at all. The server lifts the deadline after the body.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(gitRequestTimeout))
	body, err := io.ReadAll(io.LimitReader(r.Body, maxGitRequest+1))
	if err != nil {
		return nil, malformed("body: it didn't come whole, or not in time")
	}
	req, err := gitcredential.ReadRequest(bytes.NewReader(body))
	if err != nil {
		return nil, malformed("body: " + wire.OneLine(strings.TrimPrefix(err.Error(), "gitcredential: "), 500)) // names lines and keys, no values
	}
	if !req.For(h.options.Hosts) {
		return nil, forbidden
	}
	return func(token string, expiresAt time.Time) (*reply, error) {
		text, err := wire.GitAnswer(h.options.Username, token, expiresAt, slices.Contains(req.Capabilities, "authtype"))
		return &reply{gitType, []byte(text)}, err
	}, nil
}
