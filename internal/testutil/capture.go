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

// Leak names one of the secrets of which text holds 16 characters in a row (or
// all, if it is shorter), in clear, in base64, in hexadecimal or escaped for a URL.
// It returns "" when none is there.
func Leak(text string, secrets ...string) string {
	var forms []form
	for n, secret := range secrets {
		if secret == "" {
			continue
		}
		forms = append(forms,
			form{n, "in clear", secret},
			form{n, "in base64", base64.RawStdEncoding.EncodeToString([]byte(secret))},
			form{n, "in base64url", base64.RawURLEncoding.EncodeToString([]byte(secret))},
			form{n, "in base64, as Basic", base64.RawStdEncoding.EncodeToString([]byte("x-access-token:" + secret))[20:]},
			form{n, "in hexadecimal", hex.EncodeToString([]byte(secret))},
			form{n, "escaped for a URL", url.QueryEscape(secret)},
		)
	}
	if f, at := find(text, forms); at >= 0 {
		return fmt.Sprintf("secret %d of %d, %s, at byte %d", f.secret+1, len(secrets), f.name, at)
	}
	return ""
}

// form is one way to write a secret.
type form struct {
	secret     int // its number
	name, text string
}

// find returns where text holds [window] characters in a row of one of the forms,
// or all of a shorter one, and -1 if it does nowhere. Many texts are searched for
// long keys: text is looked at once, for whole blocks of the forms. A block has
// half of a window's characters, so that each window has one of them in it.
func find(text string, forms []form) (form, int) {
	const block = window / 2
	type place struct{ form, at int }
	blocks := map[string][]place{}
	for n, f := range forms {
		if len(f.text) <= window {
			if at := strings.Index(text, f.text); at >= 0 {
				return f, at
			}
			continue
		}
		for at := 0; at+block <= len(f.text); at += block {
			key := f.text[at : at+block]
			blocks[key] = append(blocks[key], place{n, at})
		}
	}
	for at := 0; at+block <= len(text); at++ {
		for _, p := range blocks[text[at:at+block]] {
			f := forms[p.form]
			before := commonSuffix(text[:at], f.text[:p.at])
			if before+commonPrefix(text[at:], f.text[p.at:]) >= window {
				return f, at - before
			}
		}
	}
	return form{}, -1
}

// commonPrefix returns how many bytes a and b begin with alike.
func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// commonSuffix returns how many bytes a and b end with alike.
func commonSuffix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}
