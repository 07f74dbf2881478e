package testutil

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// window is how many characters of a secret in a row count as a leak: a prefix
// in a log is one too.
const window = 16

// Capture collects what is written to it and fails its test at the end when a
// secret is in it, in clear or encoded. It is safe for concurrent use.
type Capture struct {
	mu      sync.Mutex
	output  bytes.Buffer
	secrets []string
}

// NewCapture returns a Capture that is checked for secrets when t ends.
func NewCapture(t testing.TB, secrets ...string) *Capture {
	c := &Capture{}
	c.Secret(secrets...)
	t.Cleanup(func() { c.RequireClean(t) })
	return c
}

// Secret adds values that must not appear, neither before nor after this call.
func (c *Capture) Secret(values ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range values {
		if v != "" && !slices.Contains(c.secrets, v) {
			c.secrets = append(c.secrets, v)
		}
	}
}

// Write implements [io.Writer].
func (c *Capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.output.Write(p)
}

// String returns what was written so far.
func (c *Capture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.output.String()
}

// Logger logs everything into c, as JSON.
func (c *Capture) Logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(c, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// RequireClean fails t now when a secret is in what was written.
func (c *Capture) RequireClean(t testing.TB) {
	t.Helper()
	c.mu.Lock()
	output, secrets := c.output.String(), c.secrets
	c.mu.Unlock()
	if leak := Leak(output, secrets...); leak != "" {
		t.Errorf("the output holds a secret: %s", leak)
	}
}

// Leak returns where and how text holds one of the secrets: it names the first
// of which text holds 16 characters in a row (or all, if it is shorter), in
// clear, in base64, in hexadecimal or escaped for a URL. It returns "" when
// none is there.
func Leak(text string, secrets ...string) string {
	for n, secret := range secrets {
		if secret == "" {
			continue
		}
		for form, encoded := range map[string]string{
			"in clear":            secret,
			"in base64":           base64.RawStdEncoding.EncodeToString([]byte(secret)),
			"in base64url":        base64.RawURLEncoding.EncodeToString([]byte(secret)),
			"in base64, as Basic": base64.RawStdEncoding.EncodeToString([]byte("x-access-token:" + secret))[20:],
			"in hexadecimal":      hex.EncodeToString([]byte(secret)),
			"escaped for a URL":   url.QueryEscape(secret),
		} {
			if at := indexWindow(text, encoded); at >= 0 {
				return fmt.Sprintf("secret %d of %d, %s, at byte %d", n+1, len(secrets), form, at)
			}
		}
	}
	return ""
}

// indexWindow returns the index in text of [window] characters in a row of
// secret, or of all of a shorter one, and -1 if there are none.
func indexWindow(text, secret string) int {
	if len(secret) <= window {
		return strings.Index(text, secret)
	}
	windows := make(map[string]struct{}, len(secret))
	for i := range len(secret) - window + 1 {
		windows[secret[i:i+window]] = struct{}{}
	}
	for i := range max(len(text)-window+1, 0) {
		if _, ok := windows[text[i:i+window]]; ok {
			return i
		}
	}
	return -1
}
