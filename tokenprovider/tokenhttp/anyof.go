package tokenhttp

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/molecule-ai/provisionkit/internal/foreign"
)

// AnyOf returns an Authenticator that accepts a request when one of as does, as
// the Principal of the first that does. When none does, it could not be decided
// if any of them couldn't decide, is forbidden if any of them forbids, and
// unauthenticated otherwise. It can't shut someone out whom another of as
// accepts: [Options].Admit does that.
//
// No as are an error, since nobody would be let in, and so is one that is nil,
// which the error names by its place.
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
