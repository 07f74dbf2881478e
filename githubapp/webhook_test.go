package githubapp_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

const webhookSecret = "It's a Secret to Everybody" // of GitHub's documentation, as is the check value below

// receiver returns a's handler of deliveries that are signed with
// webhookSecret.
func receiver(t testing.TB, a *githubapp.App) http.Handler {
	t.Helper()
	h, err := a.WebhookHandler([]byte(webhookSecret))
	require.NoError(t, err)
	return h
}

func delivery(event, body string) *http.Request {
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write([]byte(body))
	r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return r
}

func deliver(h http.Handler, r *http.Request) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func TestAWebhookDropsTheTokensConcernedAtOnce(t *testing.T) {
	const (
		whole = iota
		permissions
		named
		other
	)
	for name, c := range map[string]struct {
		event, body string
		dropped     []int
	}{
		"suspend":     {"installation", `{"action":"suspend","installation":{"id":42,"created_at":1700000000}}`, []int{whole, permissions, named}},
		"deleted":     {"installation", `{"action":"deleted","installation":{"id":42,"created_at":"2026-01-01T00:00:00Z"}}`, []int{whole, permissions, named}},
		"permissions": {"installation", `{"action":"new_permissions_accepted","installation":{"id":42}}`, []int{whole, permissions, named}},
		"unsuspend":   {"installation", `{"action":"unsuspend","installation":{"id":42}}`, nil},
		"another one": {"installation", `{"action":"deleted","installation":{"id":99}}`, nil},
		"removed":     {"installation_repositories", `{"action":"removed","installation":{"id":42},"repositories_removed":[{"id":5,"name":"Widgets"}]}`, []int{named}},
		"removed, another repository": {"installation_repositories",
			`{"action":"removed","installation":{"id":42},"repositories_removed":[{"id":5,"name":"else"}]}`, nil},
		"added":         {"installation_repositories", `{"action":"added","installation":{"id":42},"repositories_removed":[]}`, nil},
		"ping":          {"ping", `{"zen":"Keep it logically awesome."}`, nil},
		"another event": {"push", `{"action":"deleted","installation":{"id":42}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, nil)
			app := g.app(t)
			installations := []*githubapp.Installation{
				whole: app.Installation(installationID), permissions: app.Installation(installationID, contentsRead),
				named: app.Installation(installationID, both), other: app.Installation(installationID, githubapp.Scope{Repositories: []string{"Gadgets"}}),
			}
			for _, i := range installations {
				g.mint(t, i)
			}
			require.Equal(t, http.StatusNoContent, deliver(receiver(t, app), delivery(c.event, c.body)))
			var dropped []int
			for n, i := range installations {
				if i.Status().TokenSHA256 == "" && n != other {
					dropped = append(dropped, n)
				}
			}
			require.Equal(t, c.dropped, dropped)
			g.mint(t, installations[whole])
		})
	}
}

func TestAWebhookThatIsNotGitHubsIsRefused(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	i := app.Installation(installationID)
	token, _ := g.mint(t, i)
	const body = `{"action":"deleted","installation":{"id":42}}`
	h := receiver(t, app)
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"no signature":    {func(r *http.Request) { r.Header.Del("X-Hub-Signature-256") }, 401},
		"SHA-1":           {func(r *http.Request) { r.Header.Set("X-Hub-Signature", "sha1=x"); r.Header.Del("X-Hub-Signature-256") }, 401},
		"empty signature": {func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", "sha256=") }, 401},
		"no prefix":       {func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", r.Header.Get("X-Hub-Signature-256")[7:]) }, 401},
		"of another body": {func(r *http.Request) { *r = *withBody(r, body+" ") }, 401},
		"too short":       {func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", "sha256=00") }, 401},
		"too large, untold": {func(r *http.Request) {
			*r = *withBody(r, strings.Repeat(" ", 1<<20+1))
			r.ContentLength = -1
		}, 413},
		"broken off":       {func(r *http.Request) { r.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)) }, 400},
		"of no hex":        {func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", "sha256=zz") }, 401},
		"GET":              {func(r *http.Request) { r.Method = http.MethodGet }, 405},
		"a form":           {func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, 415},
		"no content type":  {func(r *http.Request) { r.Header.Del("Content-Type") }, 415},
		"too large":        {func(r *http.Request) { *r = *withBody(r, strings.Repeat(" ", 1<<20+1)) }, 413},
		"signed, not JSON": {func(r *http.Request) { *r = *delivery("installation", "{") }, 400},
	} {
		r := delivery("installation", body)
		c.change(r)
		require.Equal(t, c.status, deliver(h, r), name)
	}
	again, _ := g.mint(t, i)
	require.Equal(t, token, again)
	for _, none := range [][]byte{nil, {}} {
		_, err := app.WebhookHandler(none)
		require.ErrorContains(t, err, "githubapp: WebhookHandler needs the secret")
	}
}

// timed is a writer that notes which deadlines its connection is given.
type timed struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
}

func (w *timed) SetReadDeadline(t time.Time) error { w.deadlines = append(w.deadlines, t); return nil }

func TestTheDeadlineOfADeliveryEndsWhenItIsRead(t *testing.T) {
	w := &timed{ResponseRecorder: httptest.NewRecorder()}
	receiver(t, newGitHub(t, nil).app(t)).ServeHTTP(w, delivery("ping", "{}"))
	require.Len(t, w.deadlines, 2)
	require.WithinDuration(t, time.Now().Add(10*time.Second), w.deadlines[0], 5*time.Second)
	require.True(t, w.deadlines[1].IsZero(), "what it causes may take longer")
}

func TestADeliveryIsHeededThoughItsSenderIsGone(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	app := g.replica(t, store)
	token, _ := g.mint(t, app.Installation(installationID))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	r := delivery("installation", `{"action":"deleted","installation":{"id":42}}`)
	require.Equal(t, http.StatusNoContent, deliver(receiver(t, app), r.WithContext(gone)))
	fresh, _ := g.mint(t, g.replica(t, store).Installation(installationID))
	require.NotEqual(t, token, fresh)
}

func TestADeadTokenIsNotServedWhileTheStoreIsToldSo(t *testing.T) {
	inFleet(t, githubapptest.Options{}, func(t *testing.T, g *github) {
		store := newSpyStore()
		app := g.replica(t, store)
		i := app.Installation(installationID)
		token, _ := g.mint(t, i)
		store.fail(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		go deliver(receiver(t, app), delivery("installation", `{"action":"suspend","installation":{"id":42}}`))
		synctest.Wait()
		fresh, _ := g.mint(t, i)
		require.NotEqual(t, token, fresh)
		time.Sleep(time.Minute)
	})
}

// flood is a body that has no end, and counts what is read of it.
type flood struct{ read atomic.Int64 }

func (f *flood) Read(p []byte) (int, error) { f.read.Add(int64(len(p))); return len(p), nil }

func TestADeliveryWithoutASignatureIsRefusedUnread(t *testing.T) {
	h := receiver(t, newGitHub(t, nil).app(t))
	for _, signature := range []string{"", "sha256=", "sha256=00", "sha1=" + strings.Repeat("0", 64), strings.Repeat("0", 64)} {
		body := new(flood)
		r := httptest.NewRequest(http.MethodPost, "/webhook", body)
		r.Header.Set("X-Hub-Signature-256", signature)
		require.Equal(t, http.StatusUnauthorized, deliver(h, r), signature)
		require.Zero(t, body.read.Load(), signature)
	}
	body := new(flood)
	r := httptest.NewRequest(http.MethodPost, "/webhook", body)
	r.Header.Set("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64))
	require.Equal(t, http.StatusRequestEntityTooLarge, deliver(h, r))
	require.Less(t, body.read.Load(), int64(2<<20))
}

func TestADeliveryThatTakesTooLongIsGivenUp(t *testing.T) {
	testutil.RSAKeyPEM(t, 0) // real time to make
	synctest.Test(t, func(t *testing.T) {
		app, err := githubapp.New(githubapp.Options{AppID: 7, PrivateKey: testutil.RSAKeyPEM(t, 0)})
		require.NoError(t, err)
		client, server := net.Pipe()
		listener := oneConnection{make(chan net.Conn, 1)}
		listener.c <- server
		s := &http.Server{Handler: receiver(t, app)}
		go func() { _ = s.Serve(listener) }()
		defer s.Close()
		began := time.Now()
		_, err = io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"+
			"X-Hub-Signature-256: sha256="+strings.Repeat("0", 64)+"\r\n\r\n{")
		require.NoError(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(client), nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusRequestTimeout, resp.StatusCode)
		require.Equal(t, 10*time.Second, time.Since(began))
		require.NoError(t, client.Close())
	})
}

// oneConnection is a listener to which one client has connected.
type oneConnection struct{ c chan net.Conn }

func (l oneConnection) Accept() (net.Conn, error) {
	if conn, ok := <-l.c; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (l oneConnection) Close() error   { close(l.c); return nil }
func (l oneConnection) Addr() net.Addr { return &net.TCPAddr{} }

func TestADeliveryThatIsRepeatedDoesNothing(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	i, h := app.Installation(installationID), receiver(t, app)
	again := func(id string) int {
		r := delivery("installation", `{"action":"suspend","installation":{"id":42}}`)
		r.Header.Set("X-GitHub-Delivery", id)
		return deliver(h, r)
	}
	g.mint(t, i)
	require.Equal(t, http.StatusNoContent, again("1"))
	for range 100 {
		g.mint(t, i)
		require.Equal(t, http.StatusAccepted, again("1"))
	}
	require.Equal(t, 2, g.Mints())
	require.Equal(t, http.StatusNoContent, again("2"))
	g.mint(t, i)
	require.Equal(t, 3, g.Mints())
}

func withBody(r *http.Request, body string) *http.Request {
	changed := httptest.NewRequest(r.Method, "/webhook", strings.NewReader(body))
	changed.Header = r.Header
	return changed
}

func TestTheSignatureIsGitHubs(t *testing.T) {
	g := newGitHub(t, nil)
	r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader("Hello, World!"))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
	require.Equal(t, http.StatusBadRequest, deliver(receiver(t, g.app(t)), r), "signed, but no JSON")
}

func TestTheWebhookSecretIsCopied(t *testing.T) {
	secret := []byte(webhookSecret)
	handler, err := newGitHub(t, nil).app(t).WebhookHandler(secret)
	require.NoError(t, err)
	clear(secret)
	require.Equal(t, http.StatusNoContent, deliver(handler, delivery("ping", "{}")))
}

func TestAWebhookEndsTheWaitAfterAFailureThatItMends(t *testing.T) {
	workflows := githubapp.Scope{Permissions: map[string]string{"workflows": "write"}}
	for name, c := range map[string]struct {
		event, action string
		scope         githubapp.Scope
		fails, mended func(g *github)
		code          tokenprovider.Code
	}{
		"unsuspend": {"installation", "unsuspend", githubapp.Scope{}, func(g *github) { g.Suspend(installationID, true) },
			func(g *github) { g.Suspend(installationID, false) }, tokenprovider.CodeForbidden},
		"created": {"installation", "created", githubapp.Scope{}, func(g *github) { g.Uninstall(installationID) },
			func(g *github) {
				g.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: "acme"})
			}, tokenprovider.CodeNotFound},
		"new permissions": {"installation", "new_permissions_accepted", workflows, func(*github) {}, func(g *github) {
			g.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: "acme", Permissions: workflows.Permissions})
		}, tokenprovider.CodeForbidden},
		"added": {"installation_repositories", "added", githubapp.Scope{Repositories: []string{"late"}}, func(*github) {}, func(g *github) {
			g.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: "acme", Repositories: []string{"acme/late"}})
		}, tokenprovider.CodeInvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, nil)
			app := g.app(t)
			i := app.Installation(installationID, c.scope)
			c.fails(g)
			require.Equal(t, c.code, g.tokenError(t, i).Code)
			c.mended(g)
			require.Equal(t, c.code, g.tokenError(t, i).Code, "the failure is held")
			require.Len(t, g.attempts(), 1)
			body := `{"action":"` + c.action + `","installation":{"id":42}}`
			require.Equal(t, http.StatusNoContent, deliver(receiver(t, app), delivery(c.event, body)))
			g.mint(t, i)
		})
	}
}
