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
	"slices"
	"strings"
)

// maxWebhook bounds a delivery in bytes; GitHub sends at most 25 MB.
const maxWebhook = 25 << 20

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

// WebhookHandler returns a handler that receives GitHub's webhook deliveries,
// to drop tokens the moment they are known to be dead: at suspend and deleted,
// at new_permissions_accepted, so that the next token has the new permissions,
// and those narrowed to a repository that was removed. With created, unsuspend,
// new_permissions_accepted and repositories added, a mint that failed is tried
// again at once. What [App.FindInstallation] remembers goes with each of them,
// and when an account is renamed. Deliveries can be missed, so it makes things
// faster and is never needed: a refresh finds the same out.
//
// The secret is the one in the app's settings, where the content type has to be
// application/json. It is copied; an empty one is an error, since anybody could
// drop tokens then.
//
// A delivery without the right X-Hub-Signature-256 is answered 401, one that is
// too large 413, one of another content type 415, one that isn't JSON 400,
// another method 405. Everything else is 204, whatever the event.
func (a *App) WebhookHandler(secret []byte) (http.Handler, error) {
	if len(secret) == 0 {
		return nil, errors.New("githubapp: WebhookHandler needs the secret that is set in the app's settings; " +
			"without one anybody could drop tokens")
	}
	secret = bytes.Clone(secret)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "a delivery is a POST", http.StatusMethodNotAllowed)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhook))
		if err != nil {
			http.Error(w, "the delivery is too large, or broke off", http.StatusRequestEntityTooLarge)
			return
		}
		if !signed(secret, body, r.Header.Get("X-Hub-Signature-256")) {
			a.log.Warn("webhook delivery refused: the signature is missing or wrong",
				"app", a.name, "remote", r.RemoteAddr)
			http.Error(w, "X-Hub-Signature-256 is missing or wrong", http.StatusUnauthorized)
			return
		}
		if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
			http.Error(w, "set the content type to application/json in the app's settings",
				http.StatusUnsupportedMediaType)
			return
		}
		var event webhook
		if json.Unmarshal(body, &event) != nil {
			http.Error(w, "the delivery isn't the JSON that GitHub documents", http.StatusBadRequest)
			return
		}
		a.receive(r.Context(), r.Header.Get("X-GitHub-Event"), event)
		w.WriteHeader(http.StatusNoContent)
	}), nil
}

// signed reports in constant time whether header has the signature of body,
// which is as it came.
func signed(secret, body []byte, header string) bool {
	sent, ok := strings.CutPrefix(header, "sha256=")
	given, err := hex.DecodeString(sent)
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return hmac.Equal(given, mac.Sum(nil)) && ok && err == nil
}

// aboutInstallation are the events that are about an installation itself.
var aboutInstallation = map[string]bool{
	"installation": true, "installation_repositories": true, "installation_target": true,
}

// receive drops what the event makes obsolete, and ends the wait after failures
// that it mends.
func (a *App) receive(ctx context.Context, name string, event webhook) {
	id := event.Installation.ID
	if id == 0 || !aboutInstallation[name] {
		return
	}
	switch event.Action {
	case "deleted", "suspend":
		a.forget(ctx, id, anyScope)
	case "new_permissions_accepted":
		a.forget(ctx, id, anyScope)
		a.retry(id)
	case "removed":
		a.forget(ctx, id, event.removes)
	case "created", "unsuspend", "added":
		a.retry(id)
	}
	a.found.forget(id, event.Installation.Account.Login)
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
