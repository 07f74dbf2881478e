package platform

import (
	"net/http"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

// rejecting is a transport whose requests tell the endpoint which tokens were
// refused: it drops exactly those.
type rejecting struct {
	base    http.RoundTripper
	digests []string // tokenprovider.TokenSHA256, the newest first
}

// RoundTrip implements [http.RoundTripper].
func (t rejecting) RoundTrip(req *http.Request) (*http.Response, error) {
	told := req.Clone(req.Context())
	for _, digest := range t.digests[:min(len(t.digests), wire.MaxRejected)] {
		if wire.IsToken(digest) { // else it would be no header
			told.Header.Add(wire.RejectedHeader, digest)
		}
	}
	return t.base.RoundTrip(told)
}
