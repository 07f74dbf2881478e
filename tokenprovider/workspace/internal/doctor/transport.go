package doctor

import (
	"cmp"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

// observer is the transport of the command, and remembers what came over it.
type observer struct {
	transport *http.Transport
	skew      atomic.Pointer[time.Duration] // of the platform's clock to this one; nil: not known
	last      atomic.Pointer[answer]
}

// answer is what the endpoint said to a request.
type answer struct {
	err    error  // of the request for a token
	status int    // 0: none
	isJSON bool   // as the endpoint's own are
	media  string // what it says that it is
}

func newObserver() *observer {
	return &observer{transport: wire.NewTransport()}
}

// RoundTrip implements [http.RoundTripper].
func (o *observer) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := time.Now()
	resp, err := o.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		// It counts whole seconds, and is of some time between the two.
		skew := date.Add(time.Second / 2).Sub(sent.Add(now.Sub(sent) / 2))
		o.skew.Store(&skew)
	}
	o.last.Store(&answer{
		status: resp.StatusCode, isJSON: wire.IsJSON(resp.Header),
		media: cmp.Or(resp.Header.Get("Content-Type"), "without a type"),
	})
	return resp, nil
}
