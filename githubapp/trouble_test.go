package githubapp_test

import (
	"compress/gzip"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// trouble is one thing that can go wrong between an app and GitHub, and what it
// costs.
type trouble struct {
	name  string
	begin func(w *wire) (end func())
	code  tokenprovider.Code // of the error that whoever has no live token gets; "" when a new token is had all the same
	trait trait
}

// trait is what sets one trouble apart from others; the zero trait is the rule.
type trait struct {
	calls   int           // of GitHub for one refresh, if not 1
	takes   time.Duration // until the refresh is over
	hold    time.Duration // how long GitHub says to wait
	dead    bool          // the token that is held is known to be dead
	offline bool          // no call arrives
}

var (
	dnsFailure = &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "ghe.example.com", IsNotFound: true}}
	refused    = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	reset      = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
)

// offline breaks the network: each request ends in that error.
func offline(err error) func(*wire) func() {
	return func(w *wire) func() {
		w.broken = err
		return func() { w.broken = nil }
	}
}

// mints has each request to mint go wrong.
func mints(fault githubapptest.Fault) func(*wire) func() {
	return func(w *wire) func() {
		return w.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: fault})
	}
}

// installation has each request about the installation go wrong.
func installation(fault githubapptest.Fault) func(*wire) func() {
	return func(w *wire) func() {
		return w.Fail(githubapptest.Rule{Path: "/app/installations/**", Fault: fault})
	}
}

// clock sets GitHub's clock wrong against ours; with dated false it doesn't
// even tell.
func clock(offset time.Duration, dated bool) func(*wire) func() {
	return func(w *wire) func() {
		w.SetClockOffset(offset)
		stop := func() {}
		if !dated {
			stop = mints(githubapptest.NoDate)(w)
		}
		return func() { stop(); w.SetClockOffset(0) }
	}
}

// status changes nothing of the answer but its status.
func status(code int) githubapptest.Fault {
	return githubapptest.Edit(func(_ *http.Request, a *githubapptest.Answer) { a.Status = code })
}

func plain(code int, body string) githubapptest.Fault {
	return githubapptest.Body(code, "text/plain", body)
}

// gzipBomb does what githubapptest.GzipBomb does, with a body that is
// compressed once for all.
func gzipBomb(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	w.Header().Set("Content-Encoding", "gzip")
	plain(201, bomb())(w, r, nil)
}

var bomb = sync.OnceValue(func() string {
	var compressed strings.Builder
	z, _ := gzip.NewWriterLevel(&compressed, gzip.BestSpeed)
	_, _ = z.Write(make([]byte, 16<<20))
	_ = z.Close()
	return compressed.String()
})

const (
	mintTimeout = 15 * time.Second // the default
	elsewhere   = "http://elsewhere.example/app/installations/42/access_tokens"
	echo        = "Authorization Bearer " // followed by what the client sent
)

var troubles = []trouble{
	{"DNS failure", offline(dnsFailure), tokenprovider.CodeUnavailable, trait{offline: true}},
	{"connection refused", offline(refused), tokenprovider.CodeUnavailable, trait{offline: true}},
	{"connection reset", offline(reset), tokenprovider.CodeUnavailable, trait{offline: true}},
	{"closed without an answer", mints(githubapptest.Disconnect), tokenprovider.CodeUnavailable, trait{}},
	{"hang", mints(githubapptest.Hang), tokenprovider.CodeUnavailable, trait{takes: mintTimeout}},
	{"slow", mints(githubapptest.Delay(2 * time.Second)), "", trait{takes: 2 * time.Second}},
	{"too slow", mints(githubapptest.Delay(time.Minute)), tokenprovider.CodeUnavailable, trait{takes: mintTimeout}},
	{"slow body", mints(githubapptest.SlowBody(200 * time.Microsecond)), "", trait{takes: 2 * time.Second}},
	{"body that is too slow", mints(githubapptest.SlowBody(time.Second)), tokenprovider.CodeUnavailable, trait{takes: mintTimeout}},
	{"truncated body", mints(githubapptest.Truncate), tokenprovider.CodeUnavailable, trait{}},
	{"half of the body", mints(githubapptest.ShortLength), tokenprovider.CodeInternal, trait{}},
	{"1 GiB of body", mints(githubapptest.HugeBody(1 << 30)), tokenprovider.CodeInternal, trait{}},
	{"gzip bomb", mints(gzipBomb), tokenprovider.CodeInternal, trait{}},
	{"gzip that isn't", mints(githubapptest.SetHeader("Content-Encoding", "gzip")), tokenprovider.CodeUnavailable, trait{}},
	{"no HTTP", mints(raw("SSH-2.0-OpenSSH_10.0\r\n")), tokenprovider.CodeUnavailable, trait{}},
	{"malformed header that repeats the JWT", mints(raw("HTTP/1.1 201 Created\r\n" + echo)), tokenprovider.CodeUnavailable, trait{}},
	{"malformed header without end", mints(raw("HTTP/1.1 201 Created\r\n" + strings.Repeat("x", 64<<10) + "\r\n\r\n")), tokenprovider.CodeUnavailable, trait{}},

	{"wrong content type", mints(githubapptest.SetHeader("Content-Type", "text/html")), "", trait{}},
	{"HTML", mints(githubapptest.HTML(201)), tokenprovider.CodeInternal, trait{}},
	{"HTML with 200", mints(githubapptest.HTML(200)), tokenprovider.CodeInternal, trait{}},
	{"another success", mints(status(200)), tokenprovider.CodeInternal, trait{}},
	{"no content", mints(plain(204, "")), tokenprovider.CodeInternal, trait{}},
	{"empty body", mints(plain(201, "")), tokenprovider.CodeInternal, trait{}},
	{"a list", mints(plain(201, "[]")), tokenprovider.CodeInternal, trait{}},
	{"{}", mints(githubapptest.MintEmptyObject), tokenprovider.CodeInternal, trait{}},
	{"null", mints(githubapptest.MintNull), tokenprovider.CodeInternal, trait{}},
	{"empty token", mints(githubapptest.MintEmptyToken), tokenprovider.CodeInternal, trait{}},
	{"no token", mints(githubapptest.MintNoToken), tokenprovider.CodeInternal, trait{}},
	{"null token", mints(githubapptest.SetField("token", nil)), tokenprovider.CodeInternal, trait{}},
	{"token with a line break", mints(githubapptest.SetField("token", "ghs_0123456789abcdef\nhost: evil")), tokenprovider.CodeInternal, trait{}},
	{"no expiry", mints(githubapptest.MintNoExpiry), tokenprovider.CodeInternal, trait{}},
	{"zero expiry", mints(githubapptest.MintZeroExpiry), tokenprovider.CodeInternal, trait{}},
	{"past expiry", mints(githubapptest.MintPastExpiry), tokenprovider.CodeInternal, trait{}},
	{"wider grant", mints(githubapptest.MintWiderGrant), tokenprovider.CodeInternal, trait{}},

	{"redirect on the same host", mints(githubapptest.Redirect(307, "/app/installations/42/access_tokens?again")), tokenprovider.CodeInternal, trait{}},
	{"redirect to another host", mints(githubapptest.Redirect(308, elsewhere)), tokenprovider.CodeInternal, trait{}},
	{"redirect in a loop", mints(githubapptest.Redirect(301, "")), tokenprovider.CodeInternal, trait{}},
	{"redirect to nowhere", mints(status(302)), tokenprovider.CodeInternal, trait{}},
	{"redirect to what isn't a URL", mints(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Location", "http://[::"+r.Header.Get("Authorization"))
		w.WriteHeader(307)
	}), tokenprovider.CodeUnavailable, trait{}},

	{"no Date", mints(githubapptest.NoDate), "", trait{}},
	{"clock behind", clock(-10*time.Minute, true), "", trait{calls: 2}},
	{"clock ahead", clock(10*time.Minute, true), "", trait{calls: 2}},
	{"clock behind, no Date", clock(-10*time.Minute, false), tokenprovider.CodeUnauthenticated, trait{}},
	{"clock ahead, no Date", clock(10*time.Minute, false), tokenprovider.CodeUnauthenticated, trait{}},

	{"400", mints(githubapptest.Refusal(400, "unknown version")), tokenprovider.CodeInvalidRequest, trait{}},
	{"401 key", mints(githubapptest.UndecodableJWT), tokenprovider.CodeUnauthenticated, trait{}},
	{"401 exp too far", mints(githubapptest.ClockFast), tokenprovider.CodeUnauthenticated, trait{}},
	{"401 exp past", mints(githubapptest.ClockSlow), tokenprovider.CodeUnauthenticated, trait{}},
	{"401 iat", mints(githubapptest.IssuedInFuture), tokenprovider.CodeUnauthenticated, trait{}},
	{"401 issuer", mints(githubapptest.IssuerNotInteger), tokenprovider.CodeUnauthenticated, trait{}},
	{"401 no credentials", mints(githubapptest.RequiresAuthentication), tokenprovider.CodeUnauthenticated, trait{}},
	{"401 without a text", mints(plain(401, "")), tokenprovider.CodeUnauthenticated, trait{}},
	{"403 suspended", mints(githubapptest.Suspended), tokenprovider.CodeForbidden, trait{dead: true}},
	{"403 permission", mints(githubapptest.NotAccessible), tokenprovider.CodeForbidden, trait{}},
	{"403 HTML", mints(githubapptest.HTML(403)), tokenprovider.CodeForbidden, trait{}},
	{"403 primary limit", mints(githubapptest.PrimaryLimit(403, 90*time.Second)), tokenprovider.CodeRateLimited, trait{calls: 2, takes: 90 * time.Second, hold: 3 * time.Minute}},
	{"403 secondary limit", mints(githubapptest.SecondaryLimit(403, 0)), tokenprovider.CodeRateLimited, trait{calls: 3, takes: 3 * time.Minute, hold: 4 * time.Minute}},
	{"403 secondary limit with a hint", mints(githubapptest.SecondaryLimit(403, 17*time.Second)), tokenprovider.CodeRateLimited, trait{calls: 4, takes: 119 * time.Second, hold: 136 * time.Second}},
	{"403 abuse detection", mints(githubapptest.AbuseDetection(0)), tokenprovider.CodeRateLimited, trait{calls: 3, takes: 3 * time.Minute, hold: 4 * time.Minute}},
	{"404 and the installation is there", mints(githubapptest.NotFound), tokenprovider.CodeUnavailable, trait{calls: 2}},
	{"404 no installation", installation(githubapptest.NotFound), tokenprovider.CodeNotFound, trait{calls: 2, dead: true}},
	{"404 no app", mints(githubapptest.AppNotFound), tokenprovider.CodeNotFound, trait{}},
	{"404 HTML", mints(githubapptest.HTML(404)), tokenprovider.CodeNotFound, trait{}},
	{"410 and the installation is there", mints(githubapptest.Refusal(410, "Gone")), tokenprovider.CodeUnavailable, trait{calls: 2}},
	{"410", installation(githubapptest.Refusal(410, "Gone")), tokenprovider.CodeNotFound, trait{calls: 2, dead: true}},
	{"422 permission not granted", mints(githubapptest.PermissionNotGranted), tokenprovider.CodeForbidden, trait{}},
	{"422 repository", mints(githubapptest.RepositoryNotAccessible), tokenprovider.CodeInvalidRequest, trait{}},
	{"422 too many repositories", mints(githubapptest.TooManyRepositories), tokenprovider.CodeInvalidRequest, trait{}},
	{"422 spammed", mints(githubapptest.EndpointSpammed), tokenprovider.CodeInvalidRequest, trait{}},
	{"429", mints(plain(429, "")), tokenprovider.CodeRateLimited, trait{calls: 3, takes: 3 * time.Minute, hold: 4 * time.Minute}},
	{"429 primary limit", mints(githubapptest.PrimaryLimit(429, 10*time.Minute)), tokenprovider.CodeRateLimited, trait{hold: 10 * time.Minute}},
	{"429 secondary limit", mints(githubapptest.SecondaryLimit(429, 17*time.Second)), tokenprovider.CodeRateLimited, trait{calls: 4, takes: 119 * time.Second, hold: 136 * time.Second}},
	{"500", mints(githubapptest.Refusal(500, "Server Error")), tokenprovider.CodeUnavailable, trait{}},
	{"502 HTML", mints(githubapptest.HTML(502)), tokenprovider.CodeUnavailable, trait{}},
	{"503 HTML", mints(githubapptest.HTML(503)), tokenprovider.CodeUnavailable, trait{}},
	{"503 text", mints(plain(503, "unavailable")), tokenprovider.CodeUnavailable, trait{}},
	{"504 empty", mints(plain(504, "")), tokenprovider.CodeUnavailable, trait{}},
	{"599", mints(plain(599, "")), tokenprovider.CodeUnavailable, trait{}},
	{"1 GiB of a refusal", mints(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		githubapptest.HugeBody(1<<30)(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { githubapptest.Suspended(w, r, nil) }))
	}), tokenprovider.CodeForbidden, trait{}},
}

// raw answers with that text instead of HTTP. After [echo] comes the credential
// of the request.
func raw(text string) githubapptest.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer conn.Close()
		if len(text) > len(echo) && text[len(text)-len(echo):] == echo {
			text += r.Header.Get("Authorization")[len("Bearer "):] + "\r\n\r\n"
		}
		_, _ = conn.Write([]byte(text))
	}
}
