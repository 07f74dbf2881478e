package tokenhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

const (
	maxAnswer     = 64 << 10 // bytes of an answer's body
	clientTimeout = 10 * time.Second
)

// transport is for clients without an HTTPClient. Its idle connections end by themselves.
var transport = NewTransport()

// NewTransport is a new transport like that of a [Client] without an HTTPClient: for an HTTPClient that has to differ from
// it in one thing, such as the certificates that it trusts.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  proxy,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    5 * time.Second,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxAnswer,
		DisableCompression:     true,
	}
}

// proxy is the proxy of the environment for https, which it tunnels. Of http it would read the bearer and the token, and
// whoever allows http to the endpoint hasn't allowed it to a proxy.
func proxy(req *http.Request) (*url.URL, error) {
	if req.URL.Scheme != "https" {
		return nil, nil
	}
	return http.ProxyFromEnvironment(req)
}

// call sends a request and decodes the answer of a 200 into answer. After a 401 it asks for the bearer again and, when
// that is another one, tries once more: the platform may have rotated it in between.
func (c *Client) call(ctx context.Context, method string, endpoint *url.URL, header http.Header, answer any) error {
	bearer, err := c.bearer(ctx)
	if err != nil {
		return err
	}
	status, err := c.send(ctx, method, endpoint, header, bearer, answer)
	if status != http.StatusUnauthorized {
		return err
	}
	tokenprovider.Invalidate(c.Bearer, bearer)
	rotated, bearerErr := c.bearer(ctx)
	if bearerErr != nil || rotated == bearer {
		return err
	}
	_, err = c.send(ctx, method, endpoint, header, rotated, answer)
	return err
}

// send makes one request. The status is 0 when there was no complete answer.
func (c *Client) send(ctx context.Context, method string, endpoint *url.URL, header http.Header, bearer string, answer any) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, endpoint.String(), http.NoBody)
	if err != nil {
		return 0, misconfigured("Client.URL can't be requested")
	}
	req.Header = header.Clone()
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Accept", jsonType)
	req.Header.Set("User-Agent", "provisionkit")
	if c.UserAgent != "" {
		req.Header.Set("User-Agent", c.UserAgent)
	}
	resp, err := c.httpClient().Do(req)
	if err != nil {
		return 0, unreachable(method, endpoint, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case resp.StatusCode != http.StatusOK:
		return resp.StatusCode, statusError(method, endpoint, resp, body)
	case err != nil:
		return 0, unreachable(method, endpoint, err)
	case len(body) > maxAnswer:
		return resp.StatusCode, foreign(method, endpoint, fmt.Errorf("it is larger than %d bytes", maxAnswer))
	case !isJSON(resp.Header):
		return resp.StatusCode, foreign(method, endpoint, errors.New("it is not JSON"))
	case json.Unmarshal(body, answer) != nil: // the decoder's error would quote the body
		return resp.StatusCode, foreign(method, endpoint, errors.New("it is malformed JSON"))
	}
	return resp.StatusCode, nil
}

// httpClient is a copy of HTTPClient that doesn't follow redirects and doesn't wait for ever.
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

func isJSON(header http.Header) bool {
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && mediaType == jsonType
}

// errTooLate is the error for a secret that lived when it was asked for.
var errTooLate = errors.New("what it holds expired on its way")

// validate checks the secret of an answer and is when it expires; zero when the answer doesn't say.
func validate(secret, expires string, asked time.Time) (time.Time, error) {
	if !printable(secret) {
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
	case expiresAt.After(time.Now()):
	case expiresAt.After(asked.Add(-time.Second)): // an endpoint cuts the last second short
		return time.Time{}, errTooLate
	default:
		return time.Time{}, fmt.Errorf("what it holds expired at %s by this machine's clock", wireTime(expiresAt))
	}
	return sayable(expiresAt), nil
}
