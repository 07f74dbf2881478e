package githubapp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzDelivery sends a webhook handler whatever anybody can. Without the
// signature of exactly that body it is refused and drops nothing; with it, it
// drops the installation's token at most. What an answer says depends on its
// status alone.
func FuzzDelivery(f *testing.F) {
	const secret = "It's a Secret to Everybody"
	u := newUpstream(f)
	app := u.app(f, http.StatusCreated, nil, `{"token":"ghs_x","expires_at":"2126-11-23T19:00:00Z"}`)
	handler, err := app.WebhookHandler([]byte(secret))
	if err != nil {
		f.Fatal(err)
	}
	held := app.Installation(42)
	texts := map[int]string{}
	for _, body := range []string{
		``, `null`, `[]`, `{`, `{"action":"deleted"}`, `{"action":"deleted","installation":null}`, `{"action":"suspend","installation":{"id":42}}`,
		`{"action":"deleted","installation":{"id":"42"}}`, `{"action":"new_permissions_accepted","installation":{"id":42,"account":{"login":"acme"}}}`,
		`{"action":"removed","installation":{"id":42},"repositories_removed":[{"id":5,"name":"widgets"},null]}`, `{"action":"removed","installation":{"id":-1}}`,
	} {
		for _, event := range []string{"installation", "installation_repositories"} {
			f.Add(true, "", event, "application/json", body)
		}
		f.Add(false, "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", "installation", "application/json", body)
	}
	f.Add(true, "", "installation", "application/x-www-form-urlencoded", "payload={}")
	f.Add(false, "sha256=", "installation", "application/json", "{}")
	f.Add(false, "sha1=00", "installation", "application/json", "{}")
	f.Fuzz(func(t *testing.T, sign bool, signature, event, contentType, body string) {
		if _, _, err := held.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(body))
		right := "sha256=" + hex.EncodeToString(mac.Sum(nil))
		if sign {
			signature = right
		}
		r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body))
		r.Header = http.Header{"X-Hub-Signature-256": {signature}, "X-Github-Event": {event}, "Content-Type": {contentType}}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)

		valid := strings.EqualFold(signature, right) && strings.HasPrefix(signature, "sha256=")
		if valid == (w.Code == http.StatusUnauthorized) {
			t.Errorf("status %d for a delivery whose signature is right: %v", w.Code, valid)
		}
		switch w.Code {
		case http.StatusNoContent, http.StatusBadRequest, http.StatusUnauthorized, http.StatusUnsupportedMediaType:
		default:
			t.Errorf("status %d", w.Code)
		}
		if said, ok := texts[w.Code]; ok && said != w.Body.String() {
			t.Errorf("status %d says %q here and %q there", w.Code, said, w.Body)
		}
		texts[w.Code] = w.Body.String()
		minted := u.requests
		if _, _, err := held.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		if dropped := u.requests > minted; dropped && w.Code != http.StatusNoContent {
			t.Errorf("a delivery that was answered %d dropped a token", w.Code)
		}
	})
}
