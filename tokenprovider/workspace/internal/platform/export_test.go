package platform

import "net/http"

// OpenOver does what Open does, over another transport.
func OpenOver(getenv func(string) string, transport http.RoundTripper) (*Source, error) {
	s, err := Open(getenv)
	if err != nil {
		return nil, err
	}
	s.client.HTTPClient.Transport = transport
	return s, nil
}
