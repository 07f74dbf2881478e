package githubapp

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// A delivery that is about an installation has some kilobytes, and a list of
// repositories at most; it comes within a moment. GitHub waits for the answer
// for 10 seconds.
const (
	maxWebhook     = 1 << 20 // bytes
	webhookTimeout = 10 * time.Second
)

// webhook is what matters of a delivery. Its other fields vary in type between
// events.
type webhook struct {
	Action       string `json:"action"`
	Installation struct {
		ID      int64 `json:"id"`
		Account struct {
			Login string `json:"login"`
		} `json:"account"`
	} `json:"installation"`
	RepositoriesRemoved []struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	} `json:"repositories_removed"`
}

// WebhookHandler returns a handler for GitHub's webhook deliveries about
// installations. It drops the tokens of an installation that was suspended or
// deleted, those of one with new permissions, so that the next token has them,
// and those narrowed to a repository that was removed. After created,
// unsuspend, new_permissions_accepted, and repositories added, a mint that
// failed is tried again at once. Each of these, and the renaming of an account,
// discards what [App.FindInstallation] keeps about the account. No delivery is
// needed: without it, refreshes find out the same later.
//
// secret is the one in the app's settings, where the content type has to be
// application/json. It is copied. An empty secret is an error, since then
// anybody could drop tokens.
//
// Each delivery takes effect once: a handler remembers X-GitHub-Delivery of the
// last 10,000 deliveries for an hour, and answers a repeated one with 202.
//
// A delivery without the right X-Hub-Signature-256 is answered with 401, and
// its body isn't read if the header is missing or malformed. The answer is 413
// for a delivery of more than 1 MiB, 408 for one that takes longer than 10
// seconds, 415 for another content type, 400 for one that isn't JSON or broke
// off, and 405 for a method other than POST. All other deliveries are answered
// with 204, whatever the event.
func (a *App) WebhookHandler(secret []byte) (http.Handler, error) {
	if len(secret) == 0 {
		return nil, errors.New("githubapp: WebhookHandler needs the secret that is set in the app's settings; " +
			"without one anybody could drop tokens")
	}
	return &webhookHandler{app: a, secret: bytes.Clone(secret)}, nil
}

// webhookHandler receives the deliveries to one address.
type webhookHandler struct {
	app    *App
	secret []byte
	taken  deliveries
}

// ServeHTTP implements [http.Handler].
func (h *webhookHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event, status, problem := h.read(w, r)
	switch {
	case problem != "":
		http.Error(w, problem, status)
	case !h.taken.take(r.Header.Get("X-GitHub-Delivery")):
		w.WriteHeader(http.StatusAccepted)
	default:
		h.app.receive(r.Context(), r.Header.Get("X-GitHub-Event"), event)
		w.WriteHeader(http.StatusNoContent)
	}
}

// read returns a delivery that GitHub signed, or the answer to anything else.
func (h *webhookHandler) read(w http.ResponseWriter, r *http.Request) (event webhook, status int, problem string) {
	// What a refused request still sends is read by the server, and not for ever
	// either. Not every writer has a deadline: a middleware may hide it.
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Now().Add(webhookTimeout))
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return event, http.StatusMethodNotAllowed, "a delivery is a POST"
	}
	signature, ok := parseSignature(r.Header.Get("X-Hub-Signature-256"))
	if !ok {
		return event, http.StatusUnauthorized, h.unsigned(r)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhook))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return event, http.StatusRequestEntityTooLarge, "the delivery is too large"
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return event, http.StatusRequestTimeout, "the delivery took too long"
	}
	if err != nil {
		return event, http.StatusBadRequest, "the delivery broke off"
	}
	_ = connection.SetReadDeadline(time.Time{}) // it would end the request
	mac := hmac.New(sha256.New, h.secret)
	mac.Write(body)
	if !hmac.Equal(signature, mac.Sum(nil)) { // in constant time
		return event, http.StatusUnauthorized, h.unsigned(r)
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return event, http.StatusUnsupportedMediaType, "set the content type to application/json in the app's settings"
	}
	if json.Unmarshal(body, &event) != nil {
		return event, http.StatusBadRequest, "the delivery isn't the JSON that GitHub documents"
	}
	return event, 0, ""
}

// unsigned returns what is said to a delivery that GitHub didn't sign, and
// tells the log.
func (h *webhookHandler) unsigned(r *http.Request) string {
	h.app.log.Warn("webhook delivery refused: the signature is missing or wrong",
		"app", h.app.name, "remote", r.RemoteAddr)
	return "X-Hub-Signature-256 is missing or wrong"
}

// parseSignature returns what a well-formed header holds.
func parseSignature(header string) (sum []byte, ok bool) {
	sent, prefixed := strings.CutPrefix(header, "sha256=")
	sum, err := hex.DecodeString(sent)
	return sum, prefixed && err == nil && len(sum) == sha256.Size
}

// aboutInstallation are the events that are about an installation itself.
var aboutInstallation = map[string]bool{
	"installation": true, "installation_repositories": true, "installation_target": true,
}

// receive does all that a delivery of GitHub's causes: it drops what the event
// makes obsolete, and ends the wait after failures that it mends.
func (a *App) receive(ctx context.Context, name string, event webhook) {
	id := event.Installation.ID
	if id == 0 || !aboutInstallation[name] {
		return
	}
	switch event.Action {
	case "deleted", "suspend":
		a.died(ctx, id)
	case "new_permissions_accepted":
		a.died(ctx, id)
		a.retry(id)
	case "removed":
		a.died(ctx, id, event.removes)
	case "created", "unsuspend", "added":
		a.retry(id)
	}
	a.accounts.forget(id, event.Installation.Account.Login)
	a.log.Info("webhook received",
		"app", a.name, "event", name, "action", event.Action, "installation", id)
}

// removes reports whether a repository that s is narrowed to was removed.
func (e webhook) removes(s Scope) bool {
	for _, r := range e.RepositoriesRemoved {
		if slices.Contains(s.RepositoryIDs, r.ID) || containsFold(s.Repositories, r.Name) {
			return true
		}
	}
	return false
}
