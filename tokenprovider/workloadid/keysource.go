package workloadid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/molecule-ai/provisionkit/internal/wire"
)

// maxAnswer bounds an answer of an issuer or an API server, in bytes.
const maxAnswer = 1 << 20

// keySource is where an issuer publishes its keys.
type keySource struct {
	client  *http.Client
	issuer  string
	keysURL string // "": what the discovery document says
}

func newKeySource(opts OIDCOptions) (*keySource, error) {
	option, address := "Issuer", opts.Issuer
	if opts.KeysURL != "" {
		option, address = "KeysURL", opts.KeysURL
	}
	u, err := wire.ParseURL(address, false)
	switch {
	case err != nil:
		return nil, fmt.Errorf("workloadid: OIDCOptions.%s %w", option, err)
	case option == "Issuer" && (u.RawQuery != "" || u.ForceQuery):
		return nil, errors.New("workloadid: OIDCOptions.Issuer has a query, and must not")
	}
	client := &http.Client{Transport: wire.NewTransport()}
	if opts.HTTPClient != nil {
		*client = *opts.HTTPClient
	}
	client.CheckRedirect = follow
	return &keySource{client: client, issuer: opts.Issuer, keysURL: opts.KeysURL}, nil
}

// follow refuses every redirect: one to http would let others forge keys.
func follow(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// load fetches the key set.
func (s *keySource) load(ctx context.Context) ([]jose.JSONWebKey, error) {
	address := s.keysURL
	if address == "" {
		var err error
		if address, err = s.discover(ctx); err != nil {
			return nil, err
		}
	}
	content, err := s.get(ctx, address)
	if err != nil {
		return nil, err
	}
	keys, err := parseKeys(content)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", withoutQuery(address), err)
	}
	return keys, nil
}

// discover returns where the issuer's discovery document says that its keys are
// (OpenID Connect Discovery 1.0, section 4).
func (s *keySource) discover(ctx context.Context) (string, error) {
	address := strings.TrimSuffix(s.issuer, "/") + "/.well-known/openid-configuration"
	content, err := s.get(ctx, address)
	if err != nil {
		return "", err
	}
	var document struct {
		Issuer  string `json:"issuer"`
		KeysURL string `json:"jwks_uri"`
	}
	if json.Unmarshal(content, &document) != nil {
		return "", fmt.Errorf("GET %s: it is no discovery document", address)
	}
	if document.Issuer != s.issuer {
		return "", fmt.Errorf("GET %s: it is of the issuer %q, and not of %q", address, quote(document.Issuer), s.issuer)
	}
	if _, err := wire.ParseURL(document.KeysURL, false); err != nil {
		return "", fmt.Errorf("GET %s: its jwks_uri %w", address, err)
	}
	return document.KeysURL, nil
}

// withoutQuery returns an address as it may be told: a query may be a signature.
func withoutQuery(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return address
}

// get returns the body of a complete 200. No other is looked at.
func (s *keySource) get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	address = withoutQuery(address)
	if err != nil {
		return nil, fmt.Errorf("GET %s: it is no URL", address)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := s.client.Do(req)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return nil, fmt.Errorf("GET %s: %w", address, wire.Tellable(failed.Err))
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %d %s", address, resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("GET %s: %w", address, err)
	case len(content) > maxAnswer:
		return nil, fmt.Errorf("GET %s: it has more than %d bytes", address, maxAnswer)
	}
	return content, nil
}
