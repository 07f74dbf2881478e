package statuspage

import (
	"net/http"
	"slices"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Health returns a handler that tells monitors, without authentication, whether
// reg's providers can give tokens, and no more than that: {"state":"fresh"}. It
// looks at all mutators that are, or wrap, a [tokenprovider.TokenProvider] or a
// [tokenprovider.WorkspaceTokenProvider]. It answers GET and HEAD on any path,
// and costs the same for any number of workspaces.
//
//   - 503 with "not_configured" if there is no such mutator, as with a nil reg,
//     and with "failing" if all of them are failing: they have no live token,
//     and the last try to get one failed. A mutator with many tokens, such as
//     one for each workspace, is failing if all its tokens are.
//   - 200 with "degraded" if some are failing or degraded, and otherwise with
//     the worst of "refreshing", "fresh", "empty" (nobody has asked yet) and
//     "unknown" (none of them reports a status).
//
// So if one of many accounts suspends a GitHub App, the state is "degraded".
// The page says how many tokens are failing.
//
// Since it mints nothing, "failing" stays until somebody asks for a token and
// gets one. Mint a token at boot if a wrong key should show there, and run
// [tokenprovider.Cache.KeepFresh] where nobody else asks. Use it for an alarm,
// and not for a load balancer: one that sends a failing platform no requests
// keeps it from finding out that it has recovered.
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
