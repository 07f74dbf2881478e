package tokenhttp

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"slices"

	"github.com/molecule-ai/provisionkit/provisionhook"
)

//go:embed statuspage.html
var statusHTML string

//go:embed statuspage.css
var statusCSS string

var statusTemplate = template.Must(template.New("status").Parse(statusHTML))

// statusPolicy lets the page do nothing but show itself in its own style: no script, no picture, no form, no frame.
var statusPolicy = func() string {
	digest := sha256.Sum256([]byte(statusCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// StatusHandler shows administrators how reg's mutators and their tokens are doing, at the moment of the request: a page
// that refreshes itself, or JSON for those who prefer that (Accept: application/json). Mount it wherever an operator
// looks for it; it answers GET and HEAD on any path. It reads what the mutators report and never mints. Neither form
// holds a token: it is named by its SHA-256. reg and auth are required.
//
// Who isn't an administrator according to auth gets 403, who isn't known 401. A browser can't send a bearer, so the
// password of HTTP's Basic authentication, with any user name, is taken for one here, and here only: at the 401 a browser
// asks for it, and [AdminToken] accepts it. An auth of the platform's own that knows its operators by a cookie or by what a
// proxy vouches for works as it is.
//
// The JSON has the mutators in the order they run in. State is there for those that provide tokens, status for those of
// them that report one ([tokenprovider.Status]), message when its last try failed; the first state is the worst of all,
// or "not_configured" without a provider. A provider that doesn't report is "unknown".
//
//	{
//	  "state": "degraded",
//	  "time": "2026-05-01T12:00:00Z",
//	  "mutators": [
//	    {
//	      "name": "vendor-tokens",
//	      "type": "*vendor.Mutator",
//	      "abilities": ["TokenProvider"],
//	      "note": "what looks wrong with it",
//	      "state": "degraded",
//	      "message": "no token can be had at the moment; try again",
//	      "status": {"name": "vendor", "state": "degraded", "expires_at": "2026-05-01T12:10:00Z", "mints": 1, "failures": 3, ...}
//	    }
//	  ]
//	}
func StatusHandler(reg *provisionhook.Registry, auth Authenticator) (http.Handler, error) {
	if reg == nil {
		return nil, errors.New("tokenhttp: StatusHandler needs a Registry")
	}
	if isNil(auth) {
		return nil, errors.New("tokenhttp: StatusHandler needs an Authenticator, AdminToken for example")
	}
	return &statusHandler{reg, auth}, nil
}

type statusHandler struct {
	registry *provisionhook.Registry
	auth     Authenticator
}

func (h *statusHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", statusPolicy)
	header.Set("Referrer-Policy", "no-referrer")
	answer, refused := h.serve(r)
	if refused == nil {
		answer.write(w, http.StatusOK)
		return
	}
	refused.write(w)
}

func (h *statusHandler) serve(r *http.Request) (*reply, *refusal) {
	if !slices.Contains(readMethods, r.Method) {
		return nil, wrongMethod(readMethods)
	}
	if refused := h.authorize(r); refused != nil {
		return nil, refused
	}
	rep := reportOf(r.Context(), h.registry)
	if prefers(r, jsonType, htmlType) {
		return jsonReply(rep), nil
	}
	var page bytes.Buffer
	if err := statusTemplate.Execute(&page, newStatusView(rep, r.URL.Query().Get("refresh") != "off")); err != nil {
		return nil, internalError
	}
	return &reply{htmlType, page.Bytes()}, nil
}

// authorize refuses everyone but administrators.
func (h *statusHandler) authorize(r *http.Request) *refusal {
	logger := slog.New(slog.DiscardHandler)
	p, refused := authenticate(h.auth, r, logger)
	if refused == unauthenticated {
		if bearing, ok := passwordAsBearer(r); ok {
			p, refused = authenticate(h.auth, bearing, logger)
		}
	}
	switch {
	case refused == unauthenticated:
		return unauthenticatedBrowser
	case refused != nil:
		return refused
	case !p.Admin:
		return forbidden
	}
	return nil
}

// passwordAsBearer is r with the password of its Basic authentication as a bearer. The token endpoints don't do this: a
// browser sends a password that it was once given by itself, to whatever page of the same site another site links to.
func passwordAsBearer(r *http.Request) (*http.Request, bool) {
	_, password, ok := r.BasicAuth()
	if !ok || len(r.Header.Values("Authorization")) != 1 {
		return nil, false
	}
	bearing := r.Clone(r.Context())
	bearing.Header.Set("Authorization", "Bearer "+password)
	return bearing, true
}
