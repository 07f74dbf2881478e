package tokenhttp

import (
	"errors"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

const (
	clockSlack = 5 * time.Second      // by which this machine's clock and a Date differ where both are right
	longLife   = 365 * 24 * time.Hour // a Date that gives a token more is nobody's clock
)

// delivery is an answer of the endpoint's, and when it came.
type delivery struct {
	tokenAnswer
	asked, came time.Time // by this machine's clock
	date        time.Time // by the endpoint's; zero: it didn't say
}

// errTooLate is the error for a token that lived when it was asked for.
var errTooLate = errors.New("what it holds expired on its way")

// validate checks the token and returns when it expires by this machine's
// clock; zero when the answer doesn't say.
func (d delivery) validate() (time.Time, error) {
	if !wire.IsToken(d.Token) {
		return time.Time{}, errors.New("what it holds is empty, or has white space or control characters in it")
	}
	if d.ExpiresAt == "" {
		return time.Time{}, nil
	}
	said, err := time.Parse(time.RFC3339, d.ExpiresAt)
	if err != nil {
		return time.Time{}, errors.New("its expires_at is not a time as in RFC 3339")
	}
	expiresAt := d.reckon(said)
	switch {
	case !wire.Expired(expiresAt, d.came):
	case expiresAt.After(d.asked.Add(-time.Second)): // an endpoint cuts the last second short
		return time.Time{}, errTooLate
	default:
		return time.Time{}, fmt.Errorf("what it holds expired at %s by this machine's clock",
			wire.FormatTime(expiresAt))
	}
	return wire.Sayable(expiresAt), nil
}

// reckon returns when a token that expires at said by the endpoint's clock does
// so by this machine's. It is said where the two clocks agree, and where Date
// is no help: then there is only this machine's.
//
// A Date leaves out the fraction of its second, and the answer may have been on
// its way for all of the time since the request, in which this machine may have
// slept (its monotonic clock doesn't count that) or had its clock set (which
// alone its wall clock shows): the life is counted from the earliest start.
func (d delivery) reckon(said time.Time) time.Time {
	asked, came := d.asked.Round(0), d.came.Round(0) // by the wall clock
	life := said.Sub(d.date) - time.Second
	agree := d.date.After(asked.Add(-clockSlack)) && d.date.Before(came.Add(clockSlack))
	if d.date.IsZero() || agree || life <= 0 || life > longLife {
		return said
	}
	if start := came.Add(-d.came.Sub(d.asked)); start.Before(asked) {
		asked = start
	}
	return asked.Add(life)
}
