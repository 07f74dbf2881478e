package tokenhttp

import (
	"net/http"
	"slices"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// HealthHandler tells a monitor, which needs no credentials, whether reg's providers can give tokens, and no more than
// that: {"state":"fresh"}, the worst state of all mutators that are a [tokenprovider.TokenProvider] or a
// [provisionhook.WorkspaceTokenProvider], by themselves or below wrappers. It answers GET and HEAD on any path.
//
//   - 503 for "not_configured", when there is no such mutator (a nil reg has none), and for "failing": one of them has no
//     live token, and its last try to get one failed.
//   - 200 for "degraded" (a live token, whose refresh fails), "refreshing", "fresh", "empty" (nobody has asked yet) and
//     "unknown" (none of them reports a status).
//
// It reads their status, as [tokenprovider.StatusOf] does, and never mints: "failing" stays until a token is asked for
// and comes. So mint once at boot, when a wrong key should show, and run [tokenprovider.Cache.KeepFresh] where nobody else
// asks. It is meant for an alarm. A load balancer that takes a failing platform's requests away also takes those that
// would find out that it has recovered; and where each workspace has a token of its own, the worst of them decides.
func HealthHandler(reg *provisionhook.Registry) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(readMethods, r.Method) {
			wrongMethod(readMethods).write(w)
			return
		}
		status, state := http.StatusOK, reportOf(r.Context(), reg).State
		if state == tokenprovider.StateFailing || state == stateNotConfigured {
			status = http.StatusServiceUnavailable
		}
		jsonReply(healthAnswer{State: state}).write(w, status)
	})
}

// readMethods are the methods of what can be looked at without an effect.
var readMethods = []string{http.MethodGet, http.MethodHead}

// healthAnswer is the body of HealthHandler's answer.
type healthAnswer struct {
	State tokenprovider.State `json:"state"`
}
