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

// call sends a request and decodes the answer of a 200 into answer. After a 401 it
// asks for the bearer again and, when that is another one, tries once more: the
// platform may have rotated it in between.
func (c *Client) call(ctx context.Context, method string, endpoint *url.URL, header http.Header, answer any) error {
	bearer, err := c.bearer(ctx)
	if err != nil {
		return err
	}
	status, err := c.send(ctx, method, endpoint, header, bearer, answer)
	if status != http.StatusUnauthorized {
		return err
	}
	rotated, bearerErr := c.bearerAfter(ctx, bearer)
	if bearerErr != nil || rotated == bearer {
		return err
	}
	_, err = c.send(ctx, method, endpoint, header, rotated, answer)
	return err
}

// bearer asks Bearer, and refuses what would break out of the header before anything
// is sent.
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
		return "", &tokenprovider.Error{Code: tokenprovider.CodeInternal, Err: fmt.Errorf("tokenhttp: %w", err)}
	case tokenprovider.CodeOf(err) == tokenprovider.CodeNotConfigured:
		// The cause's text only: half a configuration must not look like none.
		err = fmt.Errorf("tokenhttp: no bearer: %s", err.Error())
		return "", &tokenprovider.Error{Code: tokenprovider.CodeUnauthenticated, Err: err}
	case err != nil:
		return "", &tokenprovider.Error{Code: tokenprovider.CodeOf(err), Err: fmt.Errorf("tokenhttp: bearer: %w", err)}
	case !wire.IsToken(bearer):
		err = errors.New("tokenhttp: the bearer is empty, or has white space or control characters in it")
		return "", &tokenprovider.Error{Code: tokenprovider.CodeUnauthenticated, Err: err}
	}
	return bearer, nil
}

// bearerAfter reports to Bearer that the endpoint refused bearer, and asks it again.
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
func (c *Client) send(ctx context.Context, method string, endpoint *url.URL, header http.Header, bearer string, answer any) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, endpoint.String(), http.NoBody)
	if err != nil {
		return 0, misconfigured("Client.URL can't be requested")
	}
	req.Header = header.Clone()
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Accept", wire.JSON)
	req.Header.Set("User-Agent", "provisionkit")
	if c.UserAgent != "" {
		req.Header.Set("User-Agent", c.UserAgent)
	}
	resp, err := c.httpClient().Do(req)
	if err != nil {
		return 0, unreachable(method, endpoint, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, wire.MaxAnswer+1))
	switch {
	case resp.StatusCode != http.StatusOK:
		return resp.StatusCode, statusError(method, endpoint, resp, body)
	case err != nil:
		return 0, unreachable(method, endpoint, err)
	case len(body) > wire.MaxAnswer:
		return resp.StatusCode, unusable(method, endpoint, fmt.Errorf("it is larger than %d bytes", wire.MaxAnswer))
	case !wire.IsJSON(resp.Header):
		return resp.StatusCode, unusable(method, endpoint, errors.New("it is not JSON"))
	case json.Unmarshal(body, answer) != nil: // the decoder's error would quote the body
		return resp.StatusCode, unusable(method, endpoint, errors.New("it is malformed JSON"))
	}
	return resp.StatusCode, nil
}

// httpClient returns a copy of HTTPClient that doesn't follow redirects and doesn't
// wait for ever.
func (c *Client) httpClient() *http.Client {
	client := http.Client{Transport: transport}
	if c.HTTPClient != nil {
		client = *c.HTTPClient
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if client.Timeout == 0 {
		client.Timeout = clientTimeout
	}
	return &client
}

// errTooLate is the error for a secret that lived when it was asked for.
var errTooLate = errors.New("what it holds expired on its way")

// validate checks the secret of an answer and returns when it expires; zero when the
// answer doesn't say.
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
		return time.Time{}, fmt.Errorf("what it holds expired at %s by this machine's clock", wire.FormatTime(expiresAt))
	}
	return wire.Sayable(expiresAt), nil
}
