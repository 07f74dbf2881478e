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
	endpoint *url.URL
	rejected []string // the digests of the tokens that were refused
}

// String returns what errors may show of r.
func (r request) String() string { return http.MethodGet + " " + withoutQuery(r.endpoint) }

// call sends req and returns what a 200 brought. After a 401 it asks for the
// bearer again and, when that is another one, tries once more: the platform may
// have rotated it in between.
func (c *Client) call(ctx context.Context, req request) (delivery, error) {
	bearer, err := c.bearer(ctx)
	if err != nil {
		return delivery{}, err
	}
	got, status, err := c.send(ctx, req, bearer)
	if status != http.StatusUnauthorized {
		return got, err
	}
	rotated, bearerErr := c.bearerAfter(ctx, bearer)
	if bearerErr != nil || rotated == bearer {
		return delivery{}, err
	}
	got, _, err = c.send(ctx, req, rotated)
	return got, err
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
func (c *Client) send(ctx context.Context, req request, bearer string) (got delivery, status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, req.endpoint.String(), http.NoBody)
	if err != nil {
		return got, 0, misconfigured("Client.URL can't be requested")
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
	got.asked = time.Now()
	resp, err := c.httpClient().Do(r)
	if err != nil {
		return got, 0, unreachable(req, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, wire.MaxAnswer+1))
	got.came = time.Now()
	if resp.Header.Get("Age") == "" { // else a cache answered, and Date is when the endpoint did
		got.date, _ = http.ParseTime(resp.Header.Get("Date"))
	}
	switch {
	case resp.StatusCode != http.StatusOK:
		return got, resp.StatusCode, statusError(req, resp, body)
	case err != nil:
		return got, 0, unreachable(req, err)
	case len(body) > wire.MaxAnswer:
		err = fmt.Errorf("it is larger than %d bytes", wire.MaxAnswer)
	case !wire.IsJSON(resp.Header):
		err = errors.New("it is not JSON")
	case json.Unmarshal(body, &got.tokenAnswer) != nil: // the decoder's error would quote the body
		err = errors.New("it is malformed JSON")
	}
	if err != nil {
		err = unusable(req, err)
	}
	return got, resp.StatusCode, err
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
