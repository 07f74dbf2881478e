package githubapp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// How much of an answer is read. That to a mint lists whole repositories.
const (
	maxMint  = 8 << 20
	maxOther = 1 << 20
)

// maxGrow bounds how much is made ready for a body whose length is told: it may not come.
const maxGrow = 64 << 10

// maxRedirects bounds how often a lookup is sent on, as happens once for a repository that was renamed.
const maxRedirects = 5

// api sends requests to one GitHub, and to nothing else.
type api struct {
	base       *url.URL
	client     http.Client
	apiVersion string
	userAgent  string
	clock      *clock
}

// request is what a call is made of, beside its credential.
type request struct {
	method string
	path   string // below the base URL, escaped, with its query
	body   []byte // JSON; nil: none
	want   int    // the one status that is success
	limit  int64  // of that answer's body; of any other it is maxOther
}

// answer is what came back with the status wanted.
type answer struct {
	header http.Header
	body   []byte
}

func newAPI(opts Options, c *clock) (*api, error) {
	base, err := parseBaseURL(opts.BaseURL)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"APIVersion": opts.APIVersion, "UserAgent": opts.UserAgent} {
		if strings.ContainsAny(value, "\r\n\x00") {
			return nil, fmt.Errorf("githubapp: Options.%s holds a line break", name)
		}
	}
	a := &api{base: base, client: *opts.HTTPClient, apiVersion: opts.APIVersion, userAgent: opts.UserAgent, clock: c}
	a.client.CheckRedirect = a.redirect
	return a, nil
}

// redirect follows only what GitHub documents: a lookup that is sent on within the API. net/http itself would take the
// credential along to subdomains and other ports.
func (a *api) redirect(next *http.Request, via []*http.Request) error {
	if via[0].Method != http.MethodGet || len(via) > maxRedirects || !a.serves(next.URL) {
		return http.ErrUseLastResponse
	}
	return nil
}

// serves reports whether u belongs to the API, so that a credential may be sent there.
func (a *api) serves(u *url.URL) bool {
	return u.Scheme == a.base.Scheme && strings.EqualFold(u.Host, a.base.Host) && u.User == nil &&
		strings.HasPrefix(u.EscapedPath(), a.base.EscapedPath()+"/")
}

// send makes one request with a bearer credential. The error is an [*tokenprovider.Error], with an [*APIError] inside
// when there was an answer.
func (a *api) send(ctx context.Context, r request, credential string) (*answer, error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, a.base.String()+r.path, body)
	if err != nil {
		return nil, &tokenprovider.Error{Code: tokenprovider.CodeInternal, Err: fmt.Errorf("make a request: %w", err)}
	}
	req.Header = http.Header{
		"Authorization":        {"Bearer " + credential},
		"Accept":               {"application/vnd.github+json"},
		"User-Agent":           {a.userAgent},
		"X-Github-Api-Version": {a.apiVersion},
		// Lets net/http send the request again when a kept connection turns out to be closed. It isn't sent on the wire.
		"Idempotency-Key": {},
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}

	sent := time.Now()
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, a.unreachable(ctx, r, err, credential)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 500 { // above, it may be a gateway's clock
		a.clock.learn(resp.Header, sent, time.Now())
	}
	limit := r.limit
	if resp.StatusCode != r.want {
		limit = maxOther
	}
	got, err := read(resp, limit+1)
	if resp.StatusCode != r.want {
		return nil, a.refused(r, resp, got, err, credential)
	}
	if err != nil {
		return nil, a.unreachable(ctx, r, fmt.Errorf("the answer broke off: %w", err), credential)
	}
	if int64(len(got)) > r.limit {
		return nil, &tokenprovider.Error{Code: tokenprovider.CodeInternal,
			Err: fmt.Errorf("%s %s: the answer is larger than %d bytes", r.method, r.path, r.limit)}
	}
	return &answer{resp.Header, got}, nil
}

// read is at most limit bytes of an answer's body.
func read(resp *http.Response, limit int64) ([]byte, error) {
	var body bytes.Buffer
	body.Grow(int(min(max(resp.ContentLength, 0), maxGrow)) + bytes.MinRead) // the end is looked for behind what was read
	_, err := body.ReadFrom(io.LimitReader(resp.Body, limit))
	return body.Bytes(), err
}

// unreachable is the error for a request without an answer, or with one that isn't HTTP: net/http quotes that, and it
// may repeat the credential.
func (a *api) unreachable(ctx context.Context, r request, err error, credential string) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // its text repeats method and URL
	}
	if text := printable(err.Error(), credential); text != err.Error() {
		err = errors.New(text)
	}
	advice := "check Options.BaseURL and the network"
	if ctx.Err() != nil {
		err, advice = ctx.Err(), "no answer in time"
	}
	return &tokenprovider.Error{Code: tokenprovider.CodeUnavailable,
		Err: fmt.Errorf("%s %s%s: %w (%s)", r.method, a.base, r.path, err, advice)}
}

// refused is the error for an answer with another status than the one wanted. Of one whose body broke off, status and
// headers decide: what it would have said isn't guessed.
func (a *api) refused(r request, resp *http.Response, body []byte, broken error, credential string) error {
	var said struct {
		Message          string `json:"message"`
		DocumentationURL string `json:"documentation_url"`
	}
	isJSON := json.Unmarshal(body, &said) == nil
	e := &APIError{
		Status:           resp.StatusCode,
		Message:          printable(said.Message, credential),
		RequestID:        printable(resp.Header.Get("X-GitHub-Request-Id"), credential),
		DocumentationURL: printable(said.DocumentationURL, credential),
		Method:           r.method,
		Path:             r.path,
	}
	failure := &tokenprovider.Error{Code: e.code(), Err: e}
	if limited(e, resp.Header) {
		failure.Code = tokenprovider.CodeRateLimited
	}
	if failure.Code == tokenprovider.CodeRateLimited || failure.Retryable() && resp.Header.Get("Retry-After") != "" {
		failure.RetryAfter = retryAfter(resp.Header, a.clock.now())
	}
	if broken != nil {
		failure.Err = fmt.Errorf("%w; the answer broke off, so GitHub may have said more", e)
	} else if advice := e.advice(isJSON); advice != "" {
		failure.Err = fmt.Errorf("%w; %s", e, advice)
	}
	return failure
}
