package apiclient

import (
	"context"
	"errors"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// verdict is what the outcome of a request says about the app as a whole.
type verdict int

const (
	nothing  verdict = iota // its caller gave up, it couldn't be signed, somebody else answered
	answered                // GitHub is there and knows the app
	limited                 // too many requests, or locked out
	refused                 // the key, the clock, or the app itself
	ended                   // the API's version, perhaps for a rehearsal of its end
	down                    // no answer in time, or one of a broken server
)

// verdictOf returns what err, with which a request for ctx ended, says about
// the app as a whole.
func verdictOf(ctx context.Context, err error) verdict {
	if err == nil {
		return answered
	}
	failure, ok := errors.AsType[*Error](err)
	switch {
	case !ok: // no JWT could be signed
		return nothing
	case failure.Refusal == nil:
		if failure.Code == tokenprovider.CodeUnavailable && ctx.Err() == nil {
			return down
		}
		return nothing
	case failure.Code == tokenprovider.CodeRateLimited:
		return limited
	case failure.Code == tokenprovider.CodeUnavailable:
		return down
	case failure.Refusal.aboutTheApp():
		return refused
	case failure.Refusal.versionRefused():
		return ended
	case failure.Refusal.Message == "": // a page of somebody else's
		return nothing
	}
	return answered
}
