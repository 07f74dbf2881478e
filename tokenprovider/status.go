package tokenprovider

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"
)

// StatusReporter is a provider that knows its [Status]. The method doesn't
// fetch, block or touch the network and is safe for concurrent use.
type StatusReporter interface {
	Status() Status
}

// StatusOf returns the status of p, or of the provider that p wraps; false when
// neither reports one or p is nil.
func StatusOf(p TokenProvider) (Status, bool) {
	r, ok := as[StatusReporter](p)
	if !ok {
		return Status{}, false
	}
	return r.Status(), true
}

// State says in one word how a provider is doing.
type State string

// The states of a provider.
const (
	StateEmpty      State = "empty"      // no live token is held and nothing went wrong
	StateFresh      State = "fresh"      // a live token, and its refresh isn't due
	StateRefreshing State = "refreshing" // a refresh is due or running
	StateDegraded   State = "degraded"   // a live token whose refresh fails, or that was reported as refused
	StateFailing    State = "failing"    // no live token, and the last try to get one failed
)

var allStates = [...]State{StateEmpty, StateFresh, StateRefreshing, StateDegraded, StateFailing}

// States returns all states, from the best to the worst: empty, fresh,
// refreshing, degraded, failing. The slice is the caller's.
func States() []State { return slices.Clone(allStates[:]) }

// Worst returns the worst of states, in the order of [States], or "" without
// any. A state that isn't one of States is worse than all of them, since
// nothing says that its provider is well.
func Worst(states ...State) State {
	var worst State
	for _, s := range states {
		if worst == "" || s.rank() > worst.rank() {
			worst = s
		}
	}
	return worst
}

func (s State) rank() int {
	if n := slices.Index(allStates[:], s); n >= 0 {
		return n
	}
	return len(allStates)
}

// Status is a snapshot of a provider. It holds no secret and can be logged,
// printed and sent as it is. A zero time means that the time isn't known or
// that nothing has happened yet.
type Status struct {
	Name          string    `json:"name"`
	State         State     `json:"state"`
	ExpiresAt     time.Time `json:"expires_at,omitzero"`  // of the token that is served
	MintedAt      time.Time `json:"minted_at,omitzero"`   // by this process, or by the replica that stored it
	RefreshAt     time.Time `json:"refresh_at,omitzero"`  // when the next refresh or try is due
	Mints         uint64    `json:"mints"`                // tokens that the provider delivered; never goes down
	Failures      uint64    `json:"failures"`             // tries that failed; never goes down
	LastError     string    `json:"last_error,omitempty"` // for operators; empty once a try succeeds
	LastErrorCode Code      `json:"last_error_code,omitempty"`
	LastErrorAt   time.Time `json:"last_error_at,omitzero"`
	TokenSHA256   string    `json:"token_sha256,omitempty"` // see [TokenSHA256]

	// Of is how many tokens a Status stands for, if it stands for many, and
	// Failing is how many of them are failing. Both are 0 if it stands for one.
	Failing int `json:"failing,omitempty"`
	Of      int `json:"of,omitempty"`
}

// TokenSHA256 returns the SHA-256 of token in standard base64, and "" for an
// empty token. It identifies a token in logs without giving it away. Forges'
// audit logs name a token in the same form.
func TokenSHA256(token string) string {
	if token == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(token))
	return base64.StdEncoding.EncodeToString(sum[:])
}
