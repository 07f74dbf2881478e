package tokenhttp

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// AnyOf accepts a request when one of as does, as the Principal of the first that does. When none does, it could not be
// decided if any of them couldn't decide, is forbidden if any of them forbids, and unauthenticated otherwise; so
// without any, nobody is let in. It doesn't serve to shut someone out whom another of as accepts: [Options].Admit does.
//
// It panics when one of as is nil. It is a [Renewer] as far as those that accept are.
func AnyOf(as ...Authenticator) Authenticator {
	for i, a := range as {
		if isNil(a) {
			panic(fmt.Sprintf("tokenhttp: AnyOf: authenticator %d of %d is nil", i+1, len(as)))
		}
	}
	return anyOf(append([]Authenticator(nil), as...))
}

type anyOf []Authenticator

var _ Renewer = anyOf(nil)

func (as anyOf) Authenticate(r *http.Request) (Principal, error) {
	p, _, err := as.accept(r)
	return p, err
}

// Renew leaves it to the one that accepts r.
func (as anyOf) Renew(r *http.Request) (string, time.Time, error) {
	_, accepted, err := as.accept(r)
	if err != nil {
		return "", time.Time{}, err
	}
	return renew(accepted, r)
}

// accept finds the first that accepts r.
func (as anyOf) accept(r *http.Request) (Principal, Authenticator, error) {
	var undecided []error
	refusal := ErrUnauthenticated
	for _, a := range as {
		p, err := a.Authenticate(r)
		switch {
		case err == nil:
			return p, a, nil
		case errors.Is(err, ErrForbidden):
			refusal = ErrForbidden
		case !errors.Is(err, ErrUnauthenticated):
			undecided = append(undecided, err)
		}
	}
	if len(undecided) > 0 {
		return Principal{}, nil, errors.Join(undecided...)
	}
	return Principal{}, nil, refusal
}
