package tokenprovider

import "time"

// Usage is what a forge lets somebody do, as far as its answers have told. It
// holds no secret and can be logged, printed and sent as it is.
type Usage struct {
	// Name says of whom. Two reporters of one account with a forge, such as two
	// plugins of one application, have the same name and tell the same: count
	// it once.
	Name string `json:"name"`

	// Limits and Holds are at most 100 each, the least Remaining and the latest
	// Until first.
	Limits []Limit `json:"limits,omitempty"`
	Holds  []Hold  `json:"holds,omitempty"`

	Waiting int `json:"waiting"` // requests that wait for their turn
}

// Limit is a limit on requests, as it was last seen. What others draw on the
// same limit isn't known until the next answer.
type Limit struct {
	Subject   string    `json:"subject"` // whose it is: "app", or the account
	Limit     int       `json:"limit"`   // requests in a window
	Remaining int       `json:"remaining"`
	Reset     time.Time `json:"reset,omitzero"` // when the window ends; zero: not told
	SeenAt    time.Time `json:"seen_at"`
}

// Hold is something that isn't asked for before Until, since the forge refused
// it or can't be reached.
type Hold struct {
	Subject string    `json:"subject"` // what it is about: "app", the account, or what was asked for
	Code    Code      `json:"code"`    // of the refusal
	Until   time.Time `json:"until"`
}

// UsageReporter is a provider that knows what its forge lets it do. Usage
// doesn't fetch, block or touch the network and is safe for concurrent use.
type UsageReporter interface {
	Usage() Usage
}

// UsageOf returns the usage that p reports, or what p wraps; false when neither
// reports one or p is nil. Wrappers are looked into by their method Unwrap, as
// [StatusOf] does. p is a [TokenProvider], or something that has tokens for
// workspaces and is none, such as a plugin.
func UsageOf(p any) (Usage, bool) {
	r, ok := asAny[UsageReporter](p)
	if !ok {
		return Usage{}, false
	}
	return r.Usage(), true
}
