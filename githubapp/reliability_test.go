package githubapp_test

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// states are what an installation may hold when trouble begins: a token with so
// much of its hour left.
var states = []struct {
	name string
	left time.Duration // 0: it never had one
}{
	{"no token", 0},
	{"live token", 50 * time.Minute},
	{"token in the refresh window", 11 * time.Minute},
	{"token below the minimum", 5 * time.Minute},
	{"expired token", -time.Minute},
}

// Whatever goes wrong, whatever is held: a caller gets a live token if there is
// one and otherwise the error's code, in bounded time; GitHub is asked once,
// and not again within the back-off; one line is logged, without a secret and
// without the body of an answer; and when the trouble is over, the next call
// after the back-off brings a new token.
func TestEveryTroubleInEveryState(t *testing.T) {
	testutil.RSAKey(t, 0) // real time to make
	for _, trouble := range troubles {
		t.Run(trouble.name, func(t *testing.T) {
			t.Parallel()
			for _, state := range states {
				t.Run(state.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { suffer(t, trouble, state.left) })
				})
			}
		})
	}
}

func suffer(t *testing.T, trouble trouble, left time.Duration) {
	w := newWire(t)
	i := w.app(t).Installation(installationID, githubapp.Scope{Repositories: []string{"widgets"}, Permissions: contentsRead.Permissions})
	first := ""
	if left != 0 {
		var expiresAt time.Time
		first, expiresAt = w.mint(t, i)
		time.Sleep(time.Until(expiresAt) - left)
	}
	calls := 0 // what a refresh costs
	if left < 20*time.Minute {
		calls = max(trouble.trait.calls, 1)
	}
	end := trouble.begin(w)
	w.reset()

	// The first call.
	start := time.Now()
	got := ask(t, w, i)
	waited := time.Since(start)
	switch {
	case left > 10*time.Minute: // nobody waits
		require.Equal(t, outcome{token: first}, got)
		require.Zero(t, waited)
	case left > 0 && trouble.trait.takes > 3*time.Second: // for so long and no longer
		require.Equal(t, outcome{token: first}, got)
		require.Equal(t, 3*time.Second, waited)
	default:
		requireOutcome(t, trouble, left, first, got)
		require.LessOrEqual(t, waited, trouble.trait.takes)
	}

	// When its refresh is over.
	time.Sleep(max(trouble.trait.takes-waited, 0) + time.Millisecond)
	synctest.Wait()
	if calls > 0 && trouble.code == "" && left > 10*time.Minute {
		time.Sleep(6 * time.Second) // the new token has ripened
	}
	second := ask(t, w, i)
	if calls == 0 {
		require.Equal(t, outcome{token: first}, second)
	} else {
		requireOutcome(t, trouble, left, first, second)
	}
	require.Equal(t, calls, w.calls(), "calls of GitHub")
	require.LessOrEqual(t, w.most.Load(), int64(8<<20+1), "bytes of an answer")
	w.requireLog(t, trouble.code, calls > 0)
	if trouble.code == "" || calls == 0 {
		return
	}

	// When the trouble is over, and the back-off too.
	end()
	w.reset()
	time.Sleep(trouble.trait.hold + 40*time.Second)
	ask(t, w, i)
	time.Sleep(6 * time.Second)
	last := ask(t, w, i)
	require.Empty(t, last.code)
	require.NotEqual(t, first, last.token)
	require.NotEqual(t, second.token, last.token)
	require.Equal(t, http.StatusOK, w.status(t, last.token, "/installation/repositories"))
}

// outcome is what a caller gets.
type outcome struct {
	token string
	code  tokenprovider.Code
}

// requireOutcome fails t unless got is what can be had of a refresh that the
// trouble befell.
func requireOutcome(t *testing.T, trouble trouble, left time.Duration, first string, got outcome) {
	t.Helper()
	switch {
	case trouble.code == "":
		require.Empty(t, got.code)
		require.NotEqual(t, first, got.token, "a new token is to be had")
	case left > 0 && !trouble.trait.dead:
		require.Equal(t, outcome{token: first}, got, "a live token is held")
	default:
		require.Equal(t, outcome{code: trouble.code}, got)
	}
}

// ask gets a token or an error, and checks what is true of all tokens and
// errors.
func ask(t *testing.T, w *wire, i *githubapp.Installation) outcome {
	t.Helper()
	token, expiresAt, err := i.Token(t.Context())
	if err != nil {
		require.Empty(t, token)
		require.Zero(t, expiresAt)
		_, isTyped := errors.AsType[*tokenprovider.Error](err)
		require.True(t, isTyped, "%T", err)
		require.Less(t, len(err.Error()), 1000)
		require.NotContains(t, err.Error(), "\n")
		require.LessOrEqual(t, strings.Count(err.Error(), "retry after"), 1)
		require.Contains(t, err.Error(), "installation 42")
		_, _ = fmt.Fprintln(w.output, err)
		return outcome{code: tokenprovider.CodeOf(err)}
	}
	w.output.Secret(token)
	require.NotEmpty(t, token)
	require.Positive(t, time.Until(expiresAt), "an expired token")
	require.LessOrEqual(t, time.Until(expiresAt), time.Hour+3*time.Second, "by our own clock")
	return outcome{token: token}
}

// wire is a GitHub in memory and the way to it, which may be broken. Every
// credential and every token that passes is made known as a secret.
type wire struct {
	*github
	broken error        // what each request ends in instead
	most   atomic.Int64 // bytes read of an answer

	mu    sync.Mutex
	tries int // requests, those included that don't arrive
	mark  int // of the output: what comes after counts
}

func newWire(t *testing.T) *wire {
	return &wire{github: newGitHub(t, &githubapptest.Options{InMemory: true})}
}

func (w *wire) app(t *testing.T) *githubapp.App {
	return w.github.app(t, func(o *githubapp.Options) {
		o.HTTPClient = &http.Client{Transport: w}
		o.PrivateKey, o.Signers = nil, []crypto.Signer{testutil.RSASigner(t, 0)}
	})
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.tries++
	w.mu.Unlock()
	w.output.Secret(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if w.broken != nil {
		return nil, w.broken
	}
	resp, err := w.Client().Transport.RoundTrip(r)
	if err == nil {
		resp.Body = &tap{ReadCloser: resp.Body, wire: w}
	}
	return resp, err
}

func (w *wire) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ForgetRequests()
	w.tries, w.mark = 0, len(w.output.String())
}

// calls returns the requests since reset: as many as were sent must have
// arrived, unless the network is broken.
func (w *wire) calls() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if arrived := len(w.Requests()); arrived != w.tries && w.broken == nil || arrived > w.tries {
		panic(fmt.Sprintf("%d requests were sent and %d arrived", w.tries, arrived))
	}
	return w.tries
}

// requireLog fails unless the refresh since reset, if there was one, is logged
// with its code, and no body is.
func (w *wire) requireLog(t *testing.T, code tokenprovider.Code, refreshed bool) {
	t.Helper()
	w.mu.Lock()
	text := w.output.String()[w.mark:]
	w.mu.Unlock()
	var failures, minted []string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		var record struct{ Level, Msg, Provider, Code, Error string }
		if json.Unmarshal([]byte(line), &record) != nil || record.Provider != "GitHub App 7" {
			continue // an error's text, or what is about the JWT
		}
		switch record.Msg {
		case "token refresh failed":
			require.Equal(t, "WARN", record.Level)
			require.NotEmpty(t, record.Error)
			failures = append(failures, record.Code)
		case "token minted":
			minted = append(minted, record.Level)
		default:
			t.Errorf("logged: %s", line)
		}
	}
	switch {
	case !refreshed:
		require.Empty(t, text)
	case code == "":
		require.Empty(t, failures)
		require.Equal(t, []string{"INFO"}, minted)
	default:
		require.Equal(t, []string{string(code)}, failures)
		require.Empty(t, minted)
	}
	for _, part := range []string{"<html", "DOCTYPE", "unable to handle", "documentation_url", "repository_selection", "full_name", "node_id"} {
		require.NotContains(t, text, part, "a part of a body")
	}
}

// tap tells its wire how much is read of a body, and every token in it.
type tap struct {
	io.ReadCloser
	wire  *wire
	read  int64
	start []byte // of the body
}

var anyToken = regexp.MustCompile(`ghs_[A-Za-z0-9._-]+`)

func (b *tap) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.start = append(b.start, p[:min(n, 64<<10-len(b.start))]...)
	return n, err
}

func (b *tap) Close() error {
	for _, token := range anyToken.FindAll(b.start, -1) {
		b.wire.output.Secret(string(token))
	}
	if b.read > b.wire.most.Load() {
		b.wire.most.Store(b.read)
	}
	return b.ReadCloser.Close()
}
