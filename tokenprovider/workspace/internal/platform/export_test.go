package platform

import (
	"context"
	"net/http"
)

// OpenOver does what Open does, over another transport.
func OpenOver(ctx context.Context, getenv func(string) string, transport http.RoundTripper) (*Source, error) {
	s, err := Open(ctx, getenv)
	if err != nil {
		return nil, err
	}
	s.transport = transport
	return s, nil
}
