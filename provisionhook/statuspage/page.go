package statuspage

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"slices"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// pagePolicy lets the page do nothing but show itself in its own style: no
// script, no picture, no form, no frame.
var pagePolicy = func() string {
	digest := sha256.Sum256([]byte(pageCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// New returns a handler that shows administrators the state of reg's mutators
// and their tokens: as a page that reloads itself, or as JSON with Accept:
// application/json. It answers GET and HEAD on any path. With a nil reg the
// page is empty; a nil auth is an error.
//
// A sender whom auth doesn't know gets 401, and one who isn't an administrator
// 403. A browser can't send a bearer, so the password of Basic authentication,
// with any user name, counts as the bearer: the browser asks for it at the 401,
// and [tokenhttp.AdminToken] accepts it. An auth of the platform's own, such as
// by a cookie, works as well.
//
// The JSON has the mutators in the order in which they run. A mutator that
// provides tokens has a state, which is "unknown" if it reports no
// [tokenprovider.Status], and "degraded" if some of its many tokens are
// failing. With a Status it has that, too, and a message if its last try
// failed. The first state is that of [Health]. usage has the
// [tokenprovider.Usage] of each mutator that reports one.
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
//	      "status": {"name": "vendor", "state": "failing", "mints": 9, "failing": 1, "of": 9, ...}
//	    }
//	  ],
//	  "usage": [{"name": "vendor", "limits": [...], "holds": [...], "waiting": 0}]
//	}
func New(reg *provisionhook.Registry, auth tokenhttp.Authenticator) (http.Handler, error) {
	if foreign.IsNil(auth) {
		return nil, errors.New("statuspage: New needs an Authenticator, tokenhttp.AdminToken for example")
	}
	return &handler{reg, auth}, nil
}

type handler struct {
	registry *provisionhook.Registry
	auth     tokenhttp.Authenticator
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("Referrer-Policy", "no-referrer")
	answer, refused := h.serve(r)
	if refused != nil {
		refused.Write(w)
		return
	}
	answer.Write(w, http.StatusOK)
}

// serve returns the answer to r, or why there is none.
func (h *handler) serve(r *http.Request) (wire.Answer, *wire.Refusal) {
	if !slices.Contains(readMethods, r.Method) {
		return wire.Answer{}, wrongMethod
	}
	if refused := h.authorize(r); refused != nil {
		return wire.Answer{}, refused
	}
	rep := reportOf(r.Context(), h.registry)
	rep.Usage = usageOf(r.Context(), h.registry)
	if wire.Prefers(r, wire.JSON, wire.HTML) {
		return wire.JSONAnswer(rep), nil
	}
	var page bytes.Buffer
	refreshes := r.URL.Query().Get("refresh") != "off"
	if err := pageTemplate.Execute(&page, newView(rep, refreshes)); err != nil {
		return wire.Answer{}, internalError
	}
	return wire.Answer{MediaType: wire.HTML, Body: page.Bytes()}, nil
}
