package tokenhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

const clientTimeout = 10 * time.Second

// transport is for clients without an HTTPClient.
var transport = wire.NewTransport()

// request is what a Client sends.
type request struct {
	method   string
	endpoint *url.URL
	rejected []string // the digests of the tokens that were refused
}

// String returns what errors may show of r.
func (r request) String() string { return r.method + " " + withoutQuery(r.endpoint) }

// call sends req and decodes the answer of a 200 into answer. After a 401 it
// asks for the bearer again and, when that is another one, tries once more: the
// platform may have rotated it in between.
func (c *Client) call(ctx context.Context, req request, answer any) error {
	bearer, err := c.bearer(ctx)
	if err != nil {
		return err
	}
	status, err := c.send(ctx, req, bearer, answer)
	if status != http.StatusUnauthorized {
		return err
	}
	rotated, bearerErr := c.bearerAfter(ctx, bearer)
	if bearerErr != nil || rotated == bearer {
		return err
	}
	_, err = c.send(ctx, req, rotated, answer)
	return err
}

// bearer asks Bearer, and refuses what would break out of the header before
// anything is sent.
func (c *Client) bearer(ctx context.Context) (string, error) {
	bearer, err := foreign.Within(ctx, "Client.Bearer", func(ctx context.Context) (string, error) {
		bearer, _, err := c.Bearer.Token(ctx)
		return bearer, err
	})
	if err == foreign.ErrNoAnswer {
		err = ctx.Err()
	}
	_, defective := err.(*foreign.Defect)
	switch {
	case defective:
		return "", coded(tokenprovider.CodeInternal, "%w", err)
	case tokenprovider.CodeOf(err) == tokenprovider.CodeNotConfigured:
		// The cause's text only: half a configuration must not look like none.
		return "", coded(tokenprovider.CodeUnauthenticated, "no bearer: %s", err.Error())
	case err != nil:
		return "", coded(tokenprovider.CodeOf(err), "bearer: %w", err)
	case !wire.IsToken(bearer):
		return "", coded(tokenprovider.CodeUnauthenticated,
			"the bearer is empty, or has white space or control characters in it")
	}
	return bearer, nil
}

// bearerAfter reports to Bearer that the endpoint refused bearer, and asks it
// again.
func (c *Client) bearerAfter(ctx context.Context, bearer string) (string, error) {
	_, err := foreign.Within(ctx, "Client.Bearer", func(context.Context) (bool, error) {
		return tokenprovider.Invalidate(c.Bearer, bearer), nil
	})
	if err != nil {
		return "", err
	}
	return c.bearer(ctx)
}

// send makes one request. The status is 0 when there was no complete answer.
func (c *Client) send(ctx context.Context, req request, bearer string, answer any) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, req.method, req.endpoint.String(), http.NoBody)
	if err != nil {
		return 0, misconfigured("Client.URL can't be requested")
	}
	for _, digest := range req.rejected {
		r.Header.Add(wire.RejectedHeader, digest)
	}
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set("Accept", wire.JSON)
	r.Header.Set("User-Agent", "provisionkit")
	if c.UserAgent != "" {
		r.Header.Set("User-Agent", c.UserAgent)
	}
	resp, err := c.httpClient().Do(r)
	if err != nil {
		return 0, unreachable(req, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, wire.MaxAnswer+1))
	switch {
	case resp.StatusCode != http.StatusOK:
		return resp.StatusCode, statusError(req, resp, body)
	case err != nil:
		return 0, unreachable(req, err)
	case len(body) > wire.MaxAnswer:
		return resp.StatusCode, unusable(req, fmt.Errorf("it is larger than %d bytes", wire.MaxAnswer))
	case !wire.IsJSON(resp.Header):
		return resp.StatusCode, unusable(req, errors.New("it is not JSON"))
	case json.Unmarshal(body, answer) != nil: // the decoder's error would quote the body
		return resp.StatusCode, unusable(req, errors.New("it is malformed JSON"))
	}
	return resp.StatusCode, nil
}

// httpClient returns a copy of HTTPClient that doesn't follow redirects and
// doesn't wait for ever.
func (c *Client) httpClient() *http.Client {
	client := http.Client{Transport: transport}
	if c.HTTPClient != nil {
		client = *c.HTTPClient
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}
	if client.Timeout == 0 {
		client.Timeout = clientTimeout
	}
	return &client
}

// errTooLate is the error for a secret that lived when it was asked for.
var errTooLate = errors.New("what it holds expired on its way")

// validate checks the secret of an answer and returns when it expires; zero
// when the answer doesn't say.
func validate(secret, expires string, asked time.Time) (time.Time, error) {
	if !wire.IsToken(secret) {
		return time.Time{}, errors.New("what it holds is empty, or has white space or control characters in it")
	}
	if expires == "" {
		return time.Time{}, nil
	}
	expiresAt, err := time.Parse(time.RFC3339, expires)
	if err != nil {
		return time.Time{}, errors.New("its expires_at is not a time as in RFC 3339")
	}
	switch {
	case !wire.Expired(expiresAt, time.Now()):
	case expiresAt.After(asked.Add(-time.Second)): // an endpoint cuts the last second short
		return time.Time{}, errTooLate
	default:
		return time.Time{}, fmt.Errorf("what it holds expired at %s by this machine's clock",
			wire.FormatTime(expiresAt))
	}
	return wire.Sayable(expiresAt), nil
}
