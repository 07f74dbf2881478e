package statuspage

import (
	"net/http"
	"slices"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Health returns a handler that tells a monitor, which needs no credentials,
// whether reg's providers can give tokens, and no more than that:
// {"state":"fresh"}. It looks at all mutators that are a
// [tokenprovider.TokenProvider] or a [tokenprovider.WorkspaceTokenProvider], by
// themselves or below wrappers, and answers GET and HEAD on any path. It costs the
// same for any number of workspaces.
//
//   - 503 for "not_configured", when there is no such mutator (a nil reg has
//     none), and for "failing": each of them has no live token, and its last try
//     to get one failed. One with many tokens, such as one for each workspace,
//     fails when all of them do.
//   - 200 for "degraded" (some fail, or live and can't be refreshed), and else for
//     the worst of "refreshing", "fresh", "empty" (nobody has asked yet) and
//     "unknown" (none of them reports a status).
//
// So one account that suspends the app, of many, is "degraded". How many tokens
// fail, of how many, says the page.
//
// It never mints, so "failing" stays until a token is asked for and comes. Mint
// once at boot, when a wrong key should show, and run
// [tokenprovider.Cache.KeepFresh] where nobody else asks. The check is meant
// for an alarm: a load balancer that takes a failing platform's requests away
// also takes those that would find out that it has recovered.
func Health(reg *provisionhook.Registry) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(readMethods, r.Method) {
			wrongMethod.Write(w)
			return
		}
		status, state := http.StatusOK, reportOf(r.Context(), reg).State
		if state == tokenprovider.StateFailing || state == stateNotConfigured {
			status = http.StatusServiceUnavailable
		}
		wire.JSONAnswer(healthAnswer{State: state}).Write(w, status)
	})
}

// healthAnswer is the body of an answer of Health's.
type healthAnswer struct {
	State tokenprovider.State `json:"state"`
}
