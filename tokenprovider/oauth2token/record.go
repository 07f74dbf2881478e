package oauth2token

import (
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"golang.org/x/oauth2"
)

// record is what the store holds under a key, sealed: what a sign-in brought,
// as it was renewed since. It is immutable; nil is none.
type record struct {
	Chain   string `json:"chain"`             // the random name of the sign-in
	Refresh string `json:"refresh,omitempty"` // "": none, the access token is all

	Access    string        `json:"access,omitempty"`
	ExpiresAt time.Time     `json:"expires_at,omitzero"` // zero: unknown
	Life      time.Duration `json:"life,omitempty"`      // of Access, from when it was issued

	Attempt string `json:"attempt,omitempty"` // the random name of the exchange that runs
	Unsure  bool   `json:"unsure,omitempty"`  // Refresh may be spent: an answer was lost
	Refused bool   `json:"refused,omitempty"` // the forge refused Refresh
}

// errSealed says that there is a record that isn't readable.
var errSealed = errors.New("the stored record can't be opened; " +
	"every replica needs in Options.SealKeys the keys that sealed it")

// brought returns r with what the forge delivered at now in the place of what
// it had. An access token that can't be served is left out.
func (r record) brought(t *oauth2.Token, now time.Time) *record {
	fresh := &record{Chain: r.Chain, Refresh: t.RefreshToken}
	if usable(t, now) != nil {
		return fresh
	}
	fresh.Access = t.AccessToken
	if !t.Expiry.IsZero() {
		fresh.ExpiresAt = t.Expiry.Round(0)
		fresh.Life = fresh.ExpiresAt.Sub(now.Round(0))
	}
	return fresh
}

// attempted returns r with an exchange of that name begun.
func (r record) attempted(name string, unsure bool) *record {
	r.Attempt, r.Unsure = name, unsure
	return &r
}

// rested returns r with no exchange running.
func (r record) rested(unsure bool) *record {
	r.Attempt, r.Unsure = "", unsure
	return &r
}

// dead returns r with its refresh token refused.
func (r record) dead() *record {
	r.Attempt, r.Refused = "", true
	return &r
}

// A stored access token with less life than this, and than a third of its own,
// is renewed: a [tokenprovider.Cache] would have to ask again soon.
const leastLife = 20 * time.Minute

// left returns the life that the access token has: none when there is none.
func (r *record) left(now time.Time) time.Duration {
	switch {
	case r.Access == "" || wire.Expired(r.ExpiresAt, now):
		return 0
	case r.ExpiresAt.IsZero():
		return 1<<63 - 1
	}
	return r.ExpiresAt.Sub(now.Round(0))
}

// suffices reports whether the access token has the life that is asked for, of
// which half of what it was issued with is the most: a wish for more would be
// an exchange for each call.
func (r *record) suffices(now time.Time, asked time.Duration) bool {
	left := r.left(now)
	return left > 0 && left >= max(min(leastLife, r.Life/3), min(asked, r.Life/2))
}

// seal returns r as it is stored under key.
func (s *settings) seal(key string, r *record) []byte {
	plain, _ := json.Marshal(r) // texts, bools and times of this age always can be
	return s.sealer.Seal(plain, key)
}

// unseal returns the record that value is; nil for no value. The error is
// [errSealed].
func (s *settings) unseal(key string, value []byte) (*record, error) {
	if len(value) == 0 {
		return nil, nil
	}
	plain, err := s.sealer.Open(value, key)
	if err != nil {
		return nil, errSealed
	}
	return parse(plain)
}

// parse returns the record that plain is. The error is [errSealed].
func parse(plain []byte) (*record, error) {
	var r record
	if json.Unmarshal(plain, &r) != nil || !r.valid() {
		return nil, errSealed
	}
	return &r, nil
}

// valid reports whether r is one that this package may have written.
func (r *record) valid() bool {
	switch {
	case r.Chain == "", r.Refresh == "" && r.Access == "", !utf8.ValidString(r.Refresh):
		return false
	case r.Access != "" && !wire.IsToken(r.Access), r.Life < 0, r.ExpiresAt.IsZero() != (r.Life == 0):
		return false
	case r.Refresh == "" && (r.Attempt != "" || r.Unsure || r.Refused):
		return false
	}
	return true
}
