package tokenprovider

import "time"

// Usage is how much a forge lets an account with it do, as far as its answers
// have told. It holds no secret and can be logged, printed and sent as it is.
type Usage struct {
	// Name says whose usage it is. Two reporters of one account with a forge,
	// such as two plugins of one application, have the same name and report the
	// same usage: count it once.
	Name string `json:"name"`

	// Limits and Holds are at most 100 each, the least Remaining and the latest
	// Until first.
	Limits []Limit `json:"limits,omitempty"`
	Holds  []Hold  `json:"holds,omitempty"`

	Waiting int `json:"waiting"` // requests that wait for their turn
}

// Limit is a rate limit, as the forge's last answer told it. Requests that
// others make under the same limit show in the next answer.
type Limit struct {
	Subject   string    `json:"subject"` // whom it is for: "app", or an account
	Limit     int       `json:"limit"`   // requests in a window
	Remaining int       `json:"remaining"`
	Reset     time.Time `json:"reset,omitzero"` // when the window ends; zero: not told
	SeenAt    time.Time `json:"seen_at"`
}

// Hold is something that isn't asked for before Until, because the forge
// refused it or can't be reached.
type Hold struct {
	Subject string    `json:"subject"` // what it is about: "app", an account, or what was asked for
	Code    Code      `json:"code"`    // of the refusal
	Until   time.Time `json:"until"`
}

// UsageReporter is a provider or a plugin that knows its [Usage]. The method
// doesn't fetch, block or touch the network and is safe for concurrent use.
type UsageReporter interface {
	Usage() Usage
}

// UsageOf returns the usage that p reports, or that what p wraps reports; false
// when neither does or p is nil. It follows the method Unwrap, as [StatusOf]
// does. p needn't be a [TokenProvider]: a plugin with a token for each
// workspace is none.
func UsageOf(p any) (Usage, bool) {
	r, ok := asAny[UsageReporter](p)
	if !ok {
		return Usage{}, false
	}
	return r.Usage(), true
}
