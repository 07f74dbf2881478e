package apiclient

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Request is what a request is made of, beside its credential.
type Request struct {
	Method string
	Path   string // below the base URL, escaped, with its query
	Body   []byte // JSON; nil: none
	Want   int    // the one status that is success
	Limit  int64  // of that answer's body in bytes; 0: 1 MiB, which is the limit of any other answer

	// Subject is whose rate limit a request with a token draws on, for
	// [Client.Usage]: the installation. With "" it isn't remembered.
	Subject string
}

// Answer is an answer with the status that was wanted.
type Answer struct {
	Header   http.Header
	Body     []byte
	Received time.Time
}

// maxBody bounds the body of an answer in bytes, where a request sets no other
// bound.
const maxBody = 1 << 20

// maxGrow bounds how much memory is made ready for a body whose length is told:
// it may not come.
const maxGrow = 64 << 10

// reply is what came back, whatever its status.
type reply struct {
	status   int
	header   http.Header
	body     []byte
	broken   error // why the body ended early
	sent     time.Time
	received time.Time
}

// send makes one request with a bearer credential and returns the answer that r
// wants. The error is an [*Error].
func (c *Client) send(ctx context.Context, r Request, credential string) (*Answer, error) {
	req, err := c.newRequest(ctx, r, credential)
	if err != nil {
		return nil, internal("make a request: %w", err)
	}
	limit := int64(maxBody)
	if r.Limit > 0 {
		limit = r.Limit
	}
	sent := time.Now()
	got, err := foreign.Within(ctx, "the HTTP client", func(context.Context) (reply, error) {
		return c.exchange(req, r.Want, limit)
	})
	if err != nil {
		return nil, c.unreachable(ctx, r, err, credential)
	}
	got.sent = sent
	c.heed(r, got.header)
	if got.status != r.Want {
		return nil, c.refused(r, got, credential)
	}
	if got.broken != nil {
		return nil, c.unreachable(ctx, r, fmt.Errorf("the answer broke off: %w", got.broken), credential)
	}
	if int64(len(got.body)) > limit {
		return nil, internal("%s %s: the answer is larger than %d bytes", r.Method, r.Path, limit)
	}
	return &Answer{got.header, got.body, got.received}, nil
}

func (c *Client) newRequest(ctx context.Context, r Request, credential string) (*http.Request, error) {
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, c.config.BaseURL.String()+r.Path, body)
	if err != nil {
		return nil, err
	}
	req.Header = http.Header{
		"Authorization":        {"Bearer " + credential},
		"Accept":               {"application/vnd.github+json"},
		"User-Agent":           {c.config.UserAgent},
		"X-Github-Api-Version": {c.config.APIVersion},
		// Lets net/http send the request again when a kept connection turns out
		// to be closed. It isn't sent on the wire.
		"Idempotency-Key": {},
	}
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// exchange sends req and returns the reply with at most a byte more of its body
// than it may have: limit with the status that is wanted, else maxBody.
func (c *Client) exchange(req *http.Request, want int, limit int64) (reply, error) {
	resp, err := c.config.HTTPClient.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	got := reply{status: resp.StatusCode, header: resp.Header, received: time.Now()}
	if got.status != want {
		limit = maxBody
	}
	var body bytes.Buffer
	// What was read is followed by MinRead bytes in which the end is looked for.
	body.Grow(int(min(max(resp.ContentLength, 0), maxGrow)) + bytes.MinRead)
	_, got.broken = body.ReadFrom(io.LimitReader(resp.Body, limit+1))
	got.body = body.Bytes()
	return got, nil
}

// unreachable returns the error for a request without an answer, or with one
// that isn't HTTP: net/http quotes that, and it may repeat the credential.
func (c *Client) unreachable(ctx context.Context, r Request, err error, credential string) error {
	if defect, ok := errors.AsType[*foreign.Defect](err); ok {
		return internal("%s %s%s: %w", r.Method, c.config.BaseURL, r.Path, defect)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // its text repeats method and URL
	}
	advice := "check Options.BaseURL and the network"
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		advice = "this machine doesn't trust the certificate" + issuedBy(unknown.Cert) +
			"; name that authority's certificate in the file that SSL_CERT_FILE names, or in Options.HTTPClient"
	}
	if text := Redact(err.Error(), credential); text != err.Error() {
		err = errors.New(text)
	}
	if ctx.Err() != nil {
		err, advice = ctx.Err(), "no answer in time"
	}
	return &Error{Code: tokenprovider.CodeUnavailable,
		Err: fmt.Errorf("%s %s%s: %w (%s)", r.Method, c.config.BaseURL, r.Path, err, advice)}
}

// issuedBy names who issued a certificate.
func issuedBy(certificate *x509.Certificate) string {
	if certificate == nil {
		return ""
	}
	return fmt.Sprintf(" of %q", Redact(certificate.Issuer.String(), ""))
}
