package githubapp_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestAnInstallationTokenWorks(t *testing.T) {
	for name, format := range map[string]githubapptest.TokenFormat{
		"classic": githubapptest.FormatClassic, "stateless": githubapptest.FormatStateless,
	} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, &githubapptest.Options{TokenFormat: format})
			i := g.app(t).Installation(installationID)
			token, expiresAt := g.mint(t, i)
			require.Equal(t, http.StatusOK, g.status(t, token, "/installation/repositories"))
			require.WithinDuration(t, time.Now().Add(time.Hour), expiresAt, 5*time.Second)

			again, _ := g.mint(t, i)
			require.Equal(t, token, again)
			require.Equal(t, 1, g.Mints())

			request := g.attempts()[0]
			require.Empty(t, request.Body, "everything is asked for without a body")
			require.Equal(t, "2022-11-28", request.APIVersion)
			require.Equal(t, "provisionkit-githubapp", request.UserAgent)

			status := i.Status()
			sum := sha256.Sum256([]byte(token))
			require.Equal(t, "installation 42", status.Name)
			require.Equal(t, tokenprovider.StateFresh, status.State)
			require.Equal(t, base64.StdEncoding.EncodeToString(sum[:]), status.TokenSHA256)
		})
	}
}

func TestAHerdFromColdMakesOneSignatureAndOneMintEach(t *testing.T) {
	g := newGitHub(t, nil)
	const installations = 200
	for n := range installations {
		g.AddInstallation(githubapptest.Installation{ID: int64(1000 + n), AppID: appID, Account: fmt.Sprint("org", n)})
	}
	app := g.app(t)
	var callers sync.WaitGroup
	for n := range installations {
		for range 3 {
			callers.Go(func() {
				_, _, err := app.Installation(int64(1000 + n)).Token(t.Context())
				require.NoError(t, err)
			})
		}
	}
	callers.Wait()
	require.Equal(t, 1, g.Signatures())
	require.Equal(t, installations, g.Mints())
	require.Len(t, g.attempts(), installations)
}

// faults is the table of GitHub's errors: what a caller gets and how often a
// mint is tried. A rate limit is waited for until it holds for more than two
// minutes; it doubles with each refusal.
var faults = []struct {
	name       string
	fault      githubapptest.Fault
	code       tokenprovider.Code
	status     int    // of the APIError; 0: there is none
	message    string // in APIError.Message
	advice     string // in the error's text
	retryAfter time.Duration
	attempts   int
}{
	{"suspended", githubapptest.Suspended, tokenprovider.CodeForbidden, 403, "suspended", "unsuspend", 0, 1},
	{"not found, but there", githubapptest.NotFound, tokenprovider.CodeUnavailable, 404, "Not Found", "the installation is there", 0, 1},
	{"app not found", githubapptest.AppNotFound, tokenprovider.CodeNotFound, 404, "Integration not found", "Options.AppID", 0, 1},
	{"undecodable JWT", githubapptest.UndecodableJWT, tokenprovider.CodeUnauthenticated, 401, "could not be decoded", "fingerprint", 0, 1},
	{"clock fast", githubapptest.ClockFast, tokenprovider.CodeUnauthenticated, 401, "too far in the future", "NTP", 0, 1},
	{"clock slow", githubapptest.ClockSlow, tokenprovider.CodeUnauthenticated, 401, "future time", "NTP", 0, 1},
	{"issued in the future", githubapptest.IssuedInFuture, tokenprovider.CodeUnauthenticated, 401, "'Issued at'", "NTP", 0, 1},
	{"issuer", githubapptest.IssuerNotInteger, tokenprovider.CodeUnauthenticated, 401, "'Issuer'", "Options.AppID", 0, 1},
	{"no credentials", githubapptest.RequiresAuthentication, tokenprovider.CodeUnauthenticated, 401, "Requires authentication", "", 0, 1},
	{"bad credentials", githubapptest.BadCredentials, tokenprovider.CodeUnauthenticated, 401, "Bad credentials", "", 0, 1},
	{"not accessible", githubapptest.NotAccessible, tokenprovider.CodeForbidden, 403, "not accessible", "", 0, 1},
	{"permission not granted", githubapptest.PermissionNotGranted, tokenprovider.CodeForbidden, 422, "not granted", "grant them", 0, 1},
	{"repository not accessible", githubapptest.RepositoryNotAccessible, tokenprovider.CodeInvalidRequest, 422, "not accessible", "", 0, 1},
	{"too many repositories", githubapptest.TooManyRepositories, tokenprovider.CodeInvalidRequest, 422, "Too many repositories", "", 0, 1},
	{"endpoint spammed", githubapptest.EndpointSpammed, tokenprovider.CodeInvalidRequest, 422, "", "", 0, 1},
	{"unknown version", githubapptest.Refusal(400, "version"), tokenprovider.CodeInvalidRequest, 400, "version", "", 0, 1},
	{"gone, but there", githubapptest.Refusal(410, "Gone"), tokenprovider.CodeUnavailable, 410, "Gone", "the installation is there", 0, 1},
	{"API version ended", githubapptest.APIVersionEnded, tokenprovider.CodeInvalidRequest, 410, "", "Options.APIVersion", 0, 1},
	{"primary limit", githubapptest.PrimaryLimit(403, 90*time.Second), tokenprovider.CodeRateLimited, 403, "rate limit", "", 3 * time.Minute, 2},
	{"primary limit, 429", githubapptest.PrimaryLimit(429, 90*time.Second), tokenprovider.CodeRateLimited, 429, "rate limit", "", 3 * time.Minute, 2},
	{"primary limit, no reset", githubapptest.PrimaryLimit(403, 0), tokenprovider.CodeRateLimited, 403, "rate limit", "", 4 * time.Minute, 3},
	{"secondary limit", githubapptest.SecondaryLimit(403, 17*time.Second), tokenprovider.CodeRateLimited, 403, "secondary", "", 136 * time.Second, 4},
	{"secondary limit, no hint", githubapptest.SecondaryLimit(403, 0), tokenprovider.CodeRateLimited, 403, "secondary", "", 4 * time.Minute, 3},
	{"abuse detection", githubapptest.AbuseDetection(0), tokenprovider.CodeRateLimited, 403, "abuse", "", 4 * time.Minute, 3},
	{"limit of hours", githubapptest.SecondaryLimit(429, 5*time.Hour), tokenprovider.CodeRateLimited, 429, "secondary", "", time.Hour, 1},
	{"bad gateway, a page", githubapptest.HTML(502), tokenprovider.CodeUnavailable, 502, "", "Bad Gateway", 0, 1},
	{"unavailable, empty", githubapptest.Body(503, "", ""), tokenprovider.CodeUnavailable, 503, "", "Service Unavailable", 0, 1},
	{"unavailable for a while", withRetryAfter("17", githubapptest.HTML(503)), tokenprovider.CodeUnavailable, 503, "", "", 17 * time.Second, 1},
	{"a refusal of another kind with a hint", withRetryAfter("17", githubapptest.HTML(404)), tokenprovider.CodeNotFound, 404, "", "", 0, 1},
	{"a refusal that breaks off", breakOff(403), tokenprovider.CodeForbidden, 403, "", "broke off", 0, 1},
	{"a limit that breaks off", withRetryAfter("17", breakOff(403)), tokenprovider.CodeRateLimited, 403, "", "broke off", 136 * time.Second, 4},
	{"a page at 404", githubapptest.HTML(404), tokenprovider.CodeNotFound, 404, "", "/api/v3", 0, 1},
	{"redirect to itself", githubapptest.Redirect(307, ""), tokenprovider.CodeInternal, 307, "", "redirects", 0, 1},
	{"moved", githubapptest.Redirect(301, "/elsewhere"), tokenprovider.CodeInternal, 301, "", "redirects", 0, 1},
	{"200", githubapptest.Body(200, "application/json", `{"token":"ghs_x","expires_at":"2099-01-01T00:00:00Z"}`), tokenprovider.CodeInternal, 200, "", "", 0, 1},
	{"{}", githubapptest.MintEmptyObject, tokenprovider.CodeInternal, 0, "", "no token", 0, 1},
	{"null", githubapptest.MintNull, tokenprovider.CodeInternal, 0, "", "no token", 0, 1},
	{"a list", githubapptest.Body(201, "application/json", `[]`), tokenprovider.CodeInternal, 0, "", "JSON", 0, 1},
	{"a page with 201", githubapptest.HTML(201), tokenprovider.CodeInternal, 0, "", "JSON", 0, 1},
	{"empty token", githubapptest.MintEmptyToken, tokenprovider.CodeInternal, 0, "", "no token", 0, 1},
	{"no token", githubapptest.MintNoToken, tokenprovider.CodeInternal, 0, "", "no token", 0, 1},
	{"token of another type", githubapptest.SetField("token", 5), tokenprovider.CodeInternal, 0, "", "JSON", 0, 1},
	{"token with a line break", githubapptest.SetField("token", "ghs_a\nb"), tokenprovider.CodeInternal, 0, "", "control characters", 0, 1},
	{"no expiry", githubapptest.MintNoExpiry, tokenprovider.CodeInternal, 0, "", "expires", 0, 1},
	{"zero expiry", githubapptest.MintZeroExpiry, tokenprovider.CodeInternal, 0, "", "expires", 0, 1},
	{"past expiry", githubapptest.MintPastExpiry, tokenprovider.CodeInternal, 0, "", "expired", 0, 1},
	{"huge body", githubapptest.HugeBody(1 << 30), tokenprovider.CodeInternal, 0, "", "larger than 8388608 bytes", 0, 1},
	{"gzip bomb", githubapptest.GzipBomb(16 << 20), tokenprovider.CodeInternal, 0, "", "larger than 8388608 bytes", 0, 1},
	{"half an answer", githubapptest.ShortLength, tokenprovider.CodeInternal, 0, "", "JSON", 0, 1},
	{"truncated", githubapptest.Truncate, tokenprovider.CodeUnavailable, 0, "", "broke off", 0, 1},
	{"reset", githubapptest.Reset, tokenprovider.CodeUnavailable, 0, "", "Options.BaseURL", 0, 1},
	{"disconnect", githubapptest.Disconnect, tokenprovider.CodeUnavailable, 0, "", "Options.BaseURL", 0, 1},
	{"hang", githubapptest.Hang, tokenprovider.CodeUnavailable, 0, "", "no answer in time", 0, 1},
}

// withRetryAfter adds the header to a fault's answer.
func withRetryAfter(hint string, fault githubapptest.Fault) githubapptest.Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		w.Header().Set("Retry-After", hint)
		fault(w, r, next)
	}
}

// breakOff answers with half of a refusal and closes the connection.
func breakOff(status int) githubapptest.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"message":"You have exceeded a second`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func TestEveryErrorOfGitHubHasItsCode(t *testing.T) {
	testutil.RSAKeyPEM(t, 0) // real time to make
	for _, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGitHub(t, &githubapptest.Options{InMemory: true})
				g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: c.fault})
				err := g.tokenError(t, g.app(t).Installation(installationID))
				require.Equal(t, c.code, err.Code, "%v", err)
				require.InDelta(t, c.retryAfter.Seconds(), err.RetryAfter.Seconds(), 2)
				require.Contains(t, err.Error(), "installation 42")
				require.Contains(t, err.Error(), c.advice)
				require.Len(t, g.attempts(), c.attempts)

				answer, ok := errors.AsType[*githubapp.APIError](err)
				require.Equal(t, c.status != 0, ok, "%v", err)
				if ok {
					require.Equal(t, c.status, answer.Status)
					require.Contains(t, answer.Message, c.message)
					require.NotEmpty(t, answer.RequestID)
					require.Contains(t, err.Error(), answer.RequestID)
					require.Equal(t, http.MethodPost, answer.Method)
					require.Equal(t, "/app/installations/42/access_tokens", answer.Path)
				}
			})
		})
	}
}

func TestAnInstallationIsGoneOnlyWhenALookAtItSaysSo(t *testing.T) {
	for _, fault := range []githubapptest.Fault{githubapptest.NotFound, githubapptest.Refusal(410, "Gone")} {
		for _, gone := range []bool{false, true} {
			g := newGitHub(t, nil)
			app := g.app(t)
			held, _ := g.mint(t, app.Installation(installationID))
			rule := githubapptest.Rule{Method: http.MethodPost, Fault: fault}
			if gone {
				rule.Method = "" // the look too
			}
			g.Fail(rule)
			want := tokenprovider.CodeUnavailable
			if gone {
				want = tokenprovider.CodeNotFound
			}
			for range 10 {
				for _, scope := range []githubapp.Scope{widgets, contentsRead} {
					require.Equal(t, want, g.tokenError(t, app.Installation(installationID, scope)).Code)
				}
			}
			token, _, err := app.Installation(installationID).Token(t.Context())
			require.Equal(t, gone, err != nil, "dropped only then")
			if !gone {
				require.Equal(t, held, token)
			}
			require.Len(t, g.Requests(), 3, "the token, then a mint and a look, for all scopes")
		}
	}
}

func TestALookAtAnInstallationIsBelievedInWhatItSays(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(g *github)
		code   tokenprovider.Code
		dead   bool
	}{
		"suspended": {func(g *github) { g.Suspend(installationID, true) }, tokenprovider.CodeForbidden, true},
		"no answer": {func(g *github) {
			g.Fail(githubapptest.Rule{Method: http.MethodGet, Fault: githubapptest.HTML(502)})
		}, tokenprovider.CodeUnavailable, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, nil)
			app := g.app(t)
			held, _ := g.mint(t, app.Installation(installationID))
			g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: githubapptest.NotFound})
			c.breaks(g)
			require.Equal(t, c.code, g.tokenError(t, app.Installation(installationID, widgets)).Code)
			token, _, err := app.Installation(installationID).Token(t.Context())
			if c.dead {
				require.Equal(t, c.code, tokenprovider.CodeOf(err))
			} else {
				require.NoError(t, err)
				require.Equal(t, held, token)
			}
		})
	}
}

func TestAnErrorIsHeldAndDoesNotBecomeAFlood(t *testing.T) {
	g := newGitHub(t, nil)
	g.Suspend(installationID, true)
	i := g.app(t).Installation(installationID)
	for range 100 {
		require.Equal(t, tokenprovider.CodeForbidden, g.tokenError(t, i).Code)
	}
	require.Len(t, g.attempts(), 1)
	require.Equal(t, tokenprovider.StateFailing, i.Status().State)
}

func TestASuspendedInstallationStopsNoOther(t *testing.T) {
	g := newGitHub(t, nil)
	g.AddInstallation(githubapptest.Installation{ID: 43, AppID: appID, Account: "other"})
	g.Suspend(installationID, true)
	app := g.app(t)
	require.Equal(t, tokenprovider.CodeForbidden, g.tokenError(t, app.Installation(installationID)).Code)
	g.mint(t, app.Installation(43))
}

func TestARateLimitHoldsAllMintsOfTheApp(t *testing.T) {
	g := newGitHub(t, nil)
	g.AddInstallation(githubapptest.Installation{ID: 43, AppID: appID, Account: "other"})
	g.Fail(githubapptest.Rule{Times: 1, Fault: githubapptest.SecondaryLimit(403, 3*time.Minute)})
	app := g.app(t)
	require.Equal(t, tokenprovider.CodeRateLimited, g.tokenError(t, app.Installation(installationID)).Code)

	err := g.tokenError(t, app.Installation(43))
	require.Equal(t, tokenprovider.CodeRateLimited, err.Code)
	require.InDelta(t, 180, err.RetryAfter.Seconds(), 2)
	require.Len(t, g.attempts(), 1, "GitHub bans who goes on")
}

func TestAnUnreachableAPIIsUnavailableAndNamed(t *testing.T) {
	g := newGitHub(t, nil)
	closed := httptest.NewServer(nil)
	closed.Close()
	app := g.app(t, func(o *githubapp.Options) { o.BaseURL = closed.URL })
	err := g.tokenError(t, app.Installation(installationID))
	require.Equal(t, tokenprovider.CodeUnavailable, err.Code)
	require.Contains(t, err.Error(), strings.TrimPrefix(closed.URL, "http://"))
	require.Contains(t, err.Error(), "check Options.BaseURL and the network")
}

func TestCredentialsNeverGoToAnotherHost(t *testing.T) {
	var stray []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stray = append(stray, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
	}))
	defer other.Close()
	g := newGitHub(t, nil)
	for _, status := range []int{301, 302, 303, 307, 308} {
		stop := g.Fail(githubapptest.Rule{Fault: githubapptest.Redirect(status, other.URL+"/app/installations/42/access_tokens")})
		require.Equal(t, tokenprovider.CodeInternal, g.tokenError(t, g.app(t).Installation(installationID)).Code)
		stop()
	}
	require.Empty(t, stray)
}

func TestGitHubsTextIsPrintedWithoutSecrets(t *testing.T) {
	g := newGitHub(t, nil)
	g.Fail(githubapptest.Rule{Fault: func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		jwt := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		g.output.Secret(jwt)
		w.WriteHeader(403)
		fmt.Fprintf(w, `{"message":"no: %s, ghs_0123456789abcdefghij\nand %s"}`, jwt, strings.Repeat("x", 1000))
	}})
	err := g.tokenError(t, g.app(t).Installation(installationID))
	require.Contains(t, err.Error(), "no: [redacted], [redacted] and xxx")
	require.Less(t, len(err.Error()), 1000)
}

func TestAClosedConnectionThatWasKeptCostsNoError(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	g.mint(t, app.Installation(installationID))
	g.Fail(githubapptest.Rule{Times: 1, Fault: githubapptest.Disconnect})
	g.mint(t, app.Installation(installationID, githubapp.Scope{Permissions: map[string]string{"contents": "read"}}))
}
