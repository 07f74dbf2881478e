package tokenhttp

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// maxGitRequest bounds a body with git's attributes, as in
// gitcredential.ReadRequest.
const maxGitRequest = 1 << 20

// maxMinTTL bounds the life that a request can ask for: one that asks for more
// asks for this.
const maxMinTTL = 30 * time.Minute

// wish is what the headers and the URL of a request ask for.
type wish struct {
	git        bool          // the answer is git's own text, which takes git's attributes in a body
	minTTL     time.Duration // the life that the token needs
	repository string        // what it is wanted for, in its one form; "": anything
	refused    *wire.Refusal // for a wish that is malformed, once it is known who has it
}

func wishOf(r *http.Request) (asked wish) {
	if asked.git, asked.refused = asksForGit(r); asked.refused != nil {
		return asked
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		asked.refused = malformed("min_ttl: the query of the URL is malformed")
		return asked
	}
	if asked.minTTL, asked.refused = minTTLOf(query, asked.git); asked.refused == nil {
		asked.repository, asked.refused = repositoryOf(query)
	}
	return asked
}

// repositoryOf returns the repository that a query asks for, "" for none.
func repositoryOf(query url.Values) (string, *wire.Refusal) {
	values, asked := query[repositoryParam]
	if !asked {
		return "", nil
	}
	repository, ok := wire.Repository(values[0])
	if !ok || len(values) > 1 {
		return "", malformed("repository: must be one owner or owner/name")
	}
	return repository, nil
}

// minTTLOf returns the life that a query asks for. One that doesn't say asks
// for none, or, if it is git's, for as much as a credential helper does: git
// never asks again, and its request has no place for the wish.
func minTTLOf(query url.Values, forGit bool) (time.Duration, *wire.Refusal) {
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
// for a host whose credentials these are, and the repository that its path or
// the wish names: the two may not differ.
func (h *Handler) asGit(r *http.Request, wished string) (encoding, string, *wire.Refusal) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxGitRequest+1))
	if err != nil {
		return nil, wished, malformed("body: it didn't come whole, or not in time")
	}
	req, err := gitcredential.ReadRequest(bytes.NewReader(body))
	if err != nil { // its text names lines and keys, no values
		text := strings.TrimPrefix(err.Error(), "gitcredential: ")
		return nil, wished, malformed("body: " + text)
	}
	if !req.For(h.options.Hosts) {
		return nil, wished, forbidden
	}
	switch named, err := req.Repository(); {
	case err != nil:
		return nil, wished, malformed("body: " + strings.TrimPrefix(err.Error(), "gitcredential: "))
	case named != "" && wished != "" && named != wished:
		return nil, wished, malformed("body: its path is another repository than the URL asks for")
	default:
		wished = cmp.Or(named, wished)
	}
	authtype := slices.Contains(req.Capabilities, "authtype")
	return func(token string, expiresAt time.Time) (wire.Answer, error) {
		text, err := wire.GitAnswer(h.options.Username, token, expiresAt, authtype)
		return wire.Answer{MediaType: wire.Git, Body: []byte(text)}, err
	}, wished, nil
}
