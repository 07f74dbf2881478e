package oauth2token_test

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/oauth2token"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

func TestWhatTheForgeAnswersDecidesWhatIsSaidAndKept(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header http.Header
		body   string
		code   tokenprovider.Code
		says   string
		after  time.Duration
		ends   bool // the sign-in, for good
	}{
		"the grant is refused":            {400, nil, `{"error":"invalid_grant"}`, tokenprovider.CodeUnauthenticated, "sign in again", 0, true},
		"it is refused with 200":          {200, nil, `{"error":"bad_refresh_token"}`, tokenprovider.CodeUnauthenticated, "sign in again", 0, true},
		"it is refused in a form":         {200, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "error=bad_refresh_token", tokenprovider.CodeUnauthenticated, "sign in again", 0, true},
		"the client is refused":           {401, nil, `{"error":"invalid_client"}`, tokenprovider.CodeUnauthenticated, "it refused the client's id or secret", 0, false},
		"the client is refused with 200":  {200, nil, `{"error":"incorrect_client_credentials"}`, tokenprovider.CodeUnauthenticated, "it refused the client's id or secret", 0, false},
		"too many requests":               {429, http.Header{"Retry-After": {"120"}}, `{}`, tokenprovider.CodeRateLimited, "429", 2 * time.Minute, false},
		"the request is refused":          {400, nil, `{"error":"unsupported_grant_type"}`, tokenprovider.CodeInvalidRequest, "unsupported_grant_type", 0, false},
		"no such page":                    {404, nil, `<html>`, tokenprovider.CodeInvalidRequest, "404 Not Found", 0, false},
		"it is elsewhere":                 {302, http.Header{"Location": {"https://elsewhere.example/"}}, ``, tokenprovider.CodeInvalidRequest, "redirects aren't followed", 0, false},
		"the forge is down":               {503, http.Header{"Retry-After": {"90"}}, `glrt-in-a-page`, tokenprovider.CodeUnavailable, "503 Service Unavailable", 90 * time.Second, false},
		"the forge says so":               {400, nil, `{"error":"temporarily_unavailable"}`, tokenprovider.CodeUnavailable, "temporarily_unavailable", 0, false},
		"a page of somebody in between":   {200, nil, `<html>glrt-in-a-page</html>`, tokenprovider.CodeUnavailable, "its answer is none with a token", 0, false},
		"an answer without a token":       {200, nil, `{"token_type":"bearer"}`, tokenprovider.CodeUnavailable, "its answer is none with a token", 0, false},
		"an error code that is something": {400, nil, `{"error":"glrt-0123456789abcdefgh"}`, tokenprovider.CodeInvalidRequest, "400 Bad Request", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, store, p := signedIn(t)
				time.Sleep(f.life)
				f.on(answering(c.status, c.header, c.body), nil)
				_, _, err := p.Token(t.Context())
				require.Equal(t, c.code, tokenprovider.CodeOf(err), "%v", err)
				require.ErrorContains(t, err, c.says)
				require.NotContains(t, err.Error(), "glrt-")
				require.NotContains(t, err.Error(), "<html>")
				var answer *oauth2.RetrieveError
				require.False(t, errors.As(err, &answer), "it has the body")
				require.Equal(t, c.after, tokenprovider.RetryAfter(err))
				f.on(nil, nil)
				time.Sleep(3 * time.Minute)
				if c.ends {
					refusal(t, p, tokenprovider.CodeUnauthenticated)
					refusal(t, f.replica(t, store), tokenprovider.CodeUnauthenticated)
				} else {
					f.token(t, p)
				}
			})
		})
	}
}

// broken is a way to the forge on which something breaks.
type broken struct {
	to   http.RoundTripper
	fail atomic.Pointer[func(*http.Request) error]
}

func (b *broken) RoundTrip(r *http.Request) (*http.Response, error) {
	if fail := b.fail.Load(); fail != nil {
		if err := (*fail)(r); err != nil {
			return nil, err
		}
	}
	return b.to.RoundTrip(r)
}

func TestALostAnswerIsSaidWhenTheTokenWasSpentByIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store, p := signedIn(t)
		time.Sleep(f.life)
		f.on(nil, func(http.ResponseWriter, *http.Request, []byte) bool {
			f.on(nil, nil)
			panic(http.ErrAbortHandler)
		})
		require.Contains(t, refusal(t, p, tokenprovider.CodeInternal), "the HTTP client panicked")
		time.Sleep(time.Minute)
		require.Contains(t, refusal(t, p, tokenprovider.CodeUnauthenticated), "the answer to an exchange of it had been lost")
		require.Contains(t, refusal(t, f.replica(t, store), tokenprovider.CodeUnauthenticated), "had been lost: most likely that exchange spent it: sign in again")
		exchanges, _ := f.counts()
		require.Equal(t, 2, exchanges)
	})
}

func TestALostAnswerIsRememberedThroughOtherFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store, p := signedIn(t)
		time.Sleep(f.life)
		f.on(nil, func(http.ResponseWriter, *http.Request, []byte) bool { panic(http.ErrAbortHandler) })
		refusal(t, p, tokenprovider.CodeInternal)
		time.Sleep(time.Minute)
		f.on(answering(http.StatusTooManyRequests, nil, ""), nil)
		refusal(t, p, tokenprovider.CodeRateLimited)
		f.on(nil, nil)
		require.Contains(t, refusal(t, f.replica(t, store), tokenprovider.CodeUnauthenticated), "had been lost")
	})
}

func TestACallExchangesThreeTimesAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store, p := signedIn(t)
		other := f.replica(t, store)
		time.Sleep(f.life)
		f.on(func(http.ResponseWriter, *http.Request) bool {
			require.NoError(t, other.Set(t.Context(), &oauth2.Token{RefreshToken: f.signIn("ann").RefreshToken}))
			return false
		}, nil)
		require.Contains(t, refusal(t, p, tokenprovider.CodeUnavailable), "changes all the time")
		exchanges, _ := f.counts()
		require.Equal(t, 3, exchanges)
	})
}

func TestAForgeThatIsAwayCostsNothingButTime(t *testing.T) {
	for name, fail := range map[string]func(*http.Request) error{
		"nobody is there":        func(*http.Request) error { return &net.OpError{Op: "dial", Err: errors.New("connection refused")} },
		"the connection breaks":  func(*http.Request) error { return io.ErrUnexpectedEOF },
		"it hangs":               func(r *http.Request) error { <-r.Context().Done(); return r.Context().Err() },
		"it hangs for very long": func(r *http.Request) error { time.Sleep(time.Hour); return errors.New("glrt-0123456789abcdef") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, store, _ := signedIn(t)
				way := &broken{to: inMemory{f}}
				opts := f.options()
				opts.HTTPClient = &http.Client{Transport: way}
				p, err := oauth2token.New(configFor("https://forge.example/oauth/token?hint=secret"), store, key, opts)
				require.NoError(t, err)
				token := f.token(t, p)
				way.fail.Store(&fail)
				for range 119 {
					require.Equal(t, token, f.token(t, p))
					time.Sleep(time.Minute - 4*time.Second)
				}
				time.Sleep(10 * time.Minute)
				began := time.Now()
				require.Contains(t, refusal(t, p, tokenprovider.CodeUnavailable), "POST https://forge.example/oauth/token: ")
				require.LessOrEqual(t, time.Since(began), 13*time.Second)
				way.fail.Store(nil)
				time.Sleep(time.Minute)
				f.token(t, p)
				time.Sleep(time.Hour)
			})
		})
	}
}

func TestAStyleIsNotFoundOutByTryingTwice(t *testing.T) {
	for name, c := range map[string]struct {
		style   oauth2.AuthStyle
		inForm  bool
		refuses bool
	}{"none": {oauth2.AuthStyleAutoDetect, true, false}, "in the body": {oauth2.AuthStyleInParams, true, false}, "in the header": {oauth2.AuthStyleInHeader, false, true}} {
		t.Run(name, func(t *testing.T) {
			f := newForge(t)
			var seen []bool
			f.on(func(w http.ResponseWriter, r *http.Request) bool {
				user, secret, basic := r.BasicAuth()
				require.Equal(t, c.inForm, r.FormValue("client_secret") == clientSecret)
				require.Equal(t, !c.inForm, basic && user == clientID && secret == clientSecret)
				require.Equal(t, "application/json", r.Header.Get("Accept"))
				seen = append(seen, true)
				return answering(400, nil, `{"error":"invalid_request"}`)(w, r)
			}, nil)
			config := configFor("https://forge.example/oauth/token")
			config.Endpoint.AuthStyle = c.style
			p, err := oauth2token.New(config, tokenprovidertest.NewStore(), key, f.options())
			require.NoError(t, err)
			config.ClientSecret = "changed by the caller"
			require.NoError(t, p.Set(t.Context(), &oauth2.Token{RefreshToken: "glrt-1"}))
			refusal(t, p, tokenprovider.CodeInvalidRequest)
			require.Len(t, seen, 1)
		})
	}
}

func TestNoRedirectTakesTheRefreshTokenAlong(t *testing.T) {
	var asked atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(elsewhere.Close)
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	for name, client := range map[string]*http.Client{"its own client": nil, "a caller's": {Transport: &http.Transport{DisableKeepAlives: true}}} {
		t.Run(name, func(t *testing.T) {
			p, err := oauth2token.New(configFor(server.URL), tokenprovidertest.NewStore(), key,
				oauth2token.Options{SealKeys: sealKeys, HTTPClient: client})
			require.NoError(t, err)
			require.NoError(t, p.Set(t.Context(), &oauth2.Token{RefreshToken: "glrt-1"}))
			require.Contains(t, refusal(t, p, tokenprovider.CodeInvalidRequest), "307")
			require.Zero(t, asked.Load())
		})
	}
}

func TestAForgeThatIsNotTrustedSpendsNothing(t *testing.T) {
	f, store := newForge(t), tokenprovidertest.NewStore()
	server := httptest.NewUnstartedServer(f)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	opts := oauth2token.Options{SealKeys: sealKeys, Logger: f.secrets.Logger()}
	p, err := oauth2token.New(configFor(server.URL), store, key, opts)
	require.NoError(t, err)
	require.NoError(t, p.Set(t.Context(), &oauth2.Token{RefreshToken: f.signIn("ann").RefreshToken}))
	refusal(t, p, tokenprovider.CodeUnavailable)
	f.revoke()
	opts.HTTPClient = server.Client()
	p, err = oauth2token.New(configFor(server.URL), store, key, opts)
	require.NoError(t, err)
	require.NotContains(t, refusal(t, p, tokenprovider.CodeUnauthenticated), "lost", "nothing was sent")
}

func TestARefusedConnectionSpendsNothing(t *testing.T) {
	f, store := newForge(t), tokenprovidertest.NewStore()
	server := httptest.NewServer(f)
	opts := oauth2token.Options{SealKeys: sealKeys, Logger: f.secrets.Logger()}
	p, err := oauth2token.New(configFor(server.URL), store, key, opts)
	require.NoError(t, err)
	brought := f.signIn("ann")
	require.NoError(t, p.Set(t.Context(), &oauth2.Token{RefreshToken: brought.RefreshToken}))
	server.Close()
	refusal(t, p, tokenprovider.CodeUnavailable)
	f.revoke()
	server = httptest.NewServer(f)
	t.Cleanup(server.Close)
	p, err = oauth2token.New(configFor(server.URL), store, key, opts)
	require.NoError(t, err)
	says := refusal(t, p, tokenprovider.CodeUnauthenticated)
	require.Contains(t, says, "it was revoked")
	require.False(t, strings.Contains(says, "lost"), "nothing was sent: %s", says)
}
