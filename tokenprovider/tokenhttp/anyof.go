package tokenhttp

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/molecule-ai/provisionkit/internal/foreign"
)

// AnyOf returns an [Authenticator] that asks as in order and returns the
// [Principal] of the first that accepts the request. If none does, its error is
// one that couldn't decide (503) if there is any, else [ErrForbidden] if there
// is any, else [ErrUnauthenticated]. So no member of as can keep out a sender
// whom another one accepts: [Options].Admit can.
//
// It returns an error if as is empty, or if one of as is nil, whose place the
// error gives.
func AnyOf(as ...Authenticator) (Authenticator, error) {
	if len(as) == 0 {
		return nil, errors.New("tokenhttp: AnyOf needs an Authenticator")
	}
	for i, a := range as {
		if foreign.IsNil(a) {
			return nil, fmt.Errorf("tokenhttp: AnyOf: authenticator %d of %d is nil", i+1, len(as))
		}
	}
	return anyOf(slices.Clone(as)), nil
}

type anyOf []Authenticator

func (as anyOf) Authenticate(r *http.Request) (Principal, error) {
	var undecided []error
	refusal := ErrUnauthenticated
	for _, a := range as {
		p, err := a.Authenticate(r)
		switch {
		case err == nil:
			return p, nil
		case errors.Is(err, ErrForbidden):
			refusal = ErrForbidden
		case !errors.Is(err, ErrUnauthenticated):
			undecided = append(undecided, err)
		}
	}
	if len(undecided) > 0 {
		return Principal{}, errors.Join(undecided...)
	}
	return Principal{}, refusal
}
