package platform

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// record is what is kept between the runs of the command in one workspace.
type record struct {
	token     secret.Of[string]
	expiresAt time.Time
	fetchedAt time.Time

	rejected []string // tokenprovider.TokenSHA256 of the last tokens that git reported, the newest first

	failedAt    time.Time // of the last refresh, if it failed
	failureCode tokenprovider.Code
	failureText string    // one line, no secret
	retryAt     time.Time // no refresh before, as long as the token lives

	renewAt time.Time // no renewal of the bearer before
}

// lives reports whether there is a token and it hasn't expired. One whose
// expiry isn't known is never kept.
func (r record) lives(now time.Time) bool {
	return r.token.Reveal() != "" && now.Before(r.expiresAt)
}

// serves reports whether the token is good enough for a caller who wishes for
// minTTL more of life: one that came with that has to have it still, as the
// platform has a better one otherwise, and one that came with less half of what
// it came with, so that short-lived tokens are kept too. While a refresh that
// failed is held off, any token that lives is.
func (r record) serves(minTTL time.Duration, now time.Time) bool {
	if !r.lives(now) {
		return false
	}
	need := minTTL
	if came := r.expiresAt.Sub(r.fetchedAt); came < minTTL {
		need = came / 2
	}
	return r.expiresAt.Sub(now) >= need || r.heldOff(now)
}

// heldOff reports whether a refresh that failed is too fresh to try again. Here
// and below a time that hasn't come yet is of a clock that was set back since,
// and holds nothing off: until then could be years.
func (r record) heldOff(now time.Time) bool {
	return !now.Before(r.failedAt) && now.Before(r.retryAt)
}

// failedSince reports whether a refresh that was in the making at asked, or
// began after it, has failed.
func (r record) failedSince(asked, now time.Time) bool {
	return r.failedAt.After(asked) && !r.failedAt.After(now)
}

// renewalHeldOff reports whether a renewal of the bearer was tried too shortly
// ago to try again.
func (r record) renewalHeldOff(now time.Time) bool {
	return now.Before(r.renewAt) && r.renewAt.Sub(now) <= renewPause
}

// withToken is r after a refresh. The token that git reported as refused,
// should the platform hand it out again (it lets a token ripen that is seconds
// old, which forges refuse at times), isn't kept: each get asks anew and
// repeats the report, until the platform has another. A token that it hands out
// again because it has no better one stays as old as it is.
func (r record) withToken(token string, expiresAt, now time.Time) record {
	next := record{rejected: r.rejected, renewAt: r.renewAt}
	switch {
	case slices.Contains(r.rejected, tokenprovider.TokenSHA256(token)):
	case matches(r.token, token) && r.expiresAt.Equal(expiresAt):
		next.token, next.expiresAt, next.fetchedAt = r.token, r.expiresAt, r.fetchedAt
	case !expiresAt.IsZero():
		next.token, next.expiresAt, next.fetchedAt = secret.New(token), expiresAt, now
	}
	return next
}

// withRejected is r after git reported its token as refused. Those before it
// stay: each replica of the platform may have one of them still.
func (r record) withRejected() record {
	rejected := append([]string{tokenprovider.TokenSHA256(r.token.Reveal())}, r.rejected...)
	return record{rejected: rejected[:min(len(rejected), wire.MaxRejected)], renewAt: r.renewAt}
}

// withFailure is r after a refresh that failed.
func (r record) withFailure(err error, now time.Time) record {
	r.failedAt, r.retryAt = now, retryAt(err, now, r.expiresAt.Sub(now))
	r.failureCode, r.failureText = tokenprovider.CodeOf(err), wire.OneLine(err.Error(), 500)
	return r
}

// failure is the error of the last refresh, which another process made.
func (r record) failure() error {
	return &tokenprovider.Error{Code: r.failureCode, Err: errors.New(r.failureText)}
}

// matches reports whether s is value. Nothing is the empty secret.
func matches(s secret.Of[string], value string) bool {
	return s.Reveal() != "" && secret.Equal(s.Reveal(), value)
}

// recordVersion changes when an older command could misread what a newer one
// wrote, or the other way round.
const recordVersion = 1

// recordFile is a record as it is written: in a file that only its owner can
// read.
type recordFile struct {
	Version     int                `json:"version"`
	Key         string             `json:"key"` // whose it is: the name of the file, which a copy would change
	Token       string             `json:"token,omitempty"`
	ExpiresAt   time.Time          `json:"expires_at,omitzero"`
	FetchedAt   time.Time          `json:"fetched_at,omitzero"`
	Rejected    []string           `json:"rejected,omitempty"`
	FailedAt    time.Time          `json:"failed_at,omitzero"`
	FailureCode tokenprovider.Code `json:"failure_code,omitempty"`
	FailureText string             `json:"failure_text,omitempty"`
	RetryAt     time.Time          `json:"retry_at,omitzero"`
	RenewAt     time.Time          `json:"renew_at,omitzero"`
}

func (r record) encode(key string) ([]byte, error) {
	return json.Marshal(recordFile{
		Version: recordVersion, Key: key, Token: r.token.Reveal(), ExpiresAt: r.expiresAt, FetchedAt: r.fetchedAt, Rejected: r.rejected,
		FailedAt: r.failedAt, FailureCode: r.failureCode, FailureText: r.failureText, RetryAt: r.retryAt, RenewAt: r.renewAt,
	})
}

// decodeRecord is the record in content, if it is one of this version and key.
func decodeRecord(content []byte, key string) (r record, ok bool) {
	var f recordFile
	if json.Unmarshal(content, &f) != nil || f.Version != recordVersion || f.Key != key {
		return record{}, false
	}
	return record{
		token: secret.New(f.Token), expiresAt: f.ExpiresAt, fetchedAt: f.FetchedAt, rejected: f.Rejected,
		failedAt: f.FailedAt, failureCode: f.FailureCode, failureText: f.FailureText, retryAt: f.RetryAt, renewAt: f.RenewAt,
	}, true
}

// IsRecord reports whether content is a record of this version and key.
func IsRecord(content []byte, key string) bool {
	_, ok := decodeRecord(content, key)
	return ok
}
