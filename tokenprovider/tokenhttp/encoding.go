package tokenhttp

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

const (
	maxGitRequest  = 1 << 20 // bytes of a body with git's attributes, as in gitcredential.ReadRequest
	maxGitSentence = 500     // characters of what is wrong with it
)

// maxMinTTL bounds the life that a request can ask for: one that asks for more
// asks for this.
const maxMinTTL = 30 * time.Minute

// wish is what the headers and the URL of a request ask for.
type wish struct {
	git     bool          // the answer is git's own text, which takes git's attributes in a body
	minTTL  time.Duration // the life that the token needs
	refused *wire.Refusal // for a wish that is malformed, once it is known who has it
}

func wishOf(r *http.Request) (asked wish) {
	if asked.git, asked.refused = asksForGit(r); asked.refused == nil {
		asked.minTTL, asked.refused = minTTLOf(r.URL, asked.git)
	}
	return asked
}

// minTTLOf returns the life that a request to u asks for. One that doesn't say
// asks for none, or, if it is git's, for as much as a credential helper does:
// git never asks again, and its request has no place for the wish.
func minTTLOf(u *url.URL, forGit bool) (time.Duration, *wire.Refusal) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return 0, malformed("min_ttl: the query of the URL is malformed")
	}
	values, asked := query[minTTLParam]
	switch {
	case !asked && forGit:
		return gitcredential.DefaultMinTTL, nil
	case !asked:
		return 0, nil
	}
	d, err := time.ParseDuration(values[0])
	if err != nil || d < 0 || len(values) > 1 {
		return 0, malformed("min_ttl: must be one duration of zero or more, such as 10m")
	}
	return min(d, maxMinTTL), nil
}

// encoding makes the answer for a token. It is chosen before there is one: what
// can't be answered costs no token.
type encoding func(token string, expiresAt time.Time) (wire.Answer, error)

// asJSON encodes for everyone who doesn't ask for another form.
func (h *Handler) asJSON(token string, expiresAt time.Time) (wire.Answer, error) {
	return wire.JSONAnswer(tokenAnswer{
		Token: token, ExpiresAt: wire.FormatTime(expiresAt), Username: h.options.Username,
	}), nil
}

// asksForGit reports whether the answer to r is git's own text, which takes
// git's attributes in a body. Who takes JSON as well gets that for a GET.
func asksForGit(r *http.Request) (bool, *wire.Refusal) {
	switch {
	case !wire.Prefers(r, wire.Git, wire.JSON):
		return false, nil
	case r.Method == http.MethodPost:
		return true, nil
	case wire.Accepts(r, wire.JSON):
		return false, nil
	}
	return false, notAcceptable
}

// asGit returns the encoding for the request of git in r's body, if it is one
// for a host whose credentials these are.
func (h *Handler) asGit(r *http.Request) (encoding, *wire.Refusal) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxGitRequest+1))
	if err != nil {
		return nil, malformed("body: it didn't come whole, or not in time")
	}
	req, err := gitcredential.ReadRequest(bytes.NewReader(body))
	if err != nil { // its text names lines and keys, no values
		text := strings.TrimPrefix(err.Error(), "gitcredential: ")
		return nil, malformed("body: " + wire.OneLine(text, maxGitSentence))
	}
	if !req.For(h.options.Hosts) {
		return nil, forbidden
	}
	authtype := slices.Contains(req.Capabilities, "authtype")
	return func(token string, expiresAt time.Time) (wire.Answer, error) {
		text, err := wire.GitAnswer(h.options.Username, token, expiresAt, authtype)
		return wire.Answer{MediaType: wire.Git, Body: []byte(text)}, err
	}, nil
}
