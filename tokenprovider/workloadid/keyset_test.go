package workloadid_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/issuertest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestAnIssuerThatIsDownAtBootIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := issuertest.NewIssuer(address, "ES256")
		log := testutil.NewCapture(t, "secret of the body")
		issuer.Fail(http.StatusBadGateway)
		opts := options(issuer)
		opts.Logger = log.Logger()
		auth := newOIDC(t, opts)
		token := issuer.Sign(claims(nil))
		for range 100 {
			_, err := authenticate(t, auth, token)
			requireUndecided(t, err)
			require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
			require.ErrorContains(t, err, "the issuer's keys can't be fetched: GET "+address+"/.well-known/openid-configuration: 502")
		}
		require.Contains(t, log.String(), "key set can't be fetched")
		issuer.Fail(0)
		time.Sleep(time.Second)
		requireAdmitted(t, auth, token, "ws-1")
	})
}

func TestKeysAreServedOnWhileTheIssuerIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := issuertest.NewIssuer(address, "ES256")
		auth := newOIDC(t, options(issuer))
		issuer.Fail(http.StatusServiceUnavailable)
		for range 24 * 60 {
			time.Sleep(time.Minute)
			requireAdmitted(t, auth, issuer.Sign(claims(nil)), "ws-1")
			synctest.Wait()
		}
		require.Equal(t, 1, issuer.Fetches())
	})
}

func TestAKeyThatComesIsKnownWithItsFirstToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := issuertest.NewIssuer(address, "RS256")
		auth := newOIDC(t, options(issuer))
		old := issuer.Sign(claims(nil))
		requireAdmitted(t, auth, old, "ws-1")
		issuer.Rotate("ES256")
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				_, err := authenticate(t, auth, issuer.Sign(claims(nil)))
				require.NoError(t, err)
			})
		}
		all.Wait()
		requireAdmitted(t, auth, old, "ws-1")
		require.Equal(t, 2, issuer.Fetches())
	})
}

func TestAKeyThatIsTakenAwayIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := issuertest.NewIssuer(address, "ES256")
		auth := newOIDC(t, options(issuer))
		old := issuer.Sign(claims(nil))
		issuer.Rotate("ES256")
		issuer.Retire()
		requireAdmitted(t, auth, old, "ws-1")
		time.Sleep(10*time.Minute + time.Second)
		requireAdmitted(t, auth, old, "ws-1") // its request has the set fetched
		synctest.Wait()
		_, err := authenticate(t, auth, old)
		require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated)
	})
}

func TestUnknownKeysFetchTheSetOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := issuertest.NewIssuer(address, "ES256")
		auth := newOIDC(t, options(issuer))
		began := time.Now()
		for n := range 1000 {
			_, err := authenticate(t, auth, issuer.SignAs(fmt.Sprint("unknown-", n), claims(nil)))
			if n == 0 {
				require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated, "the issuer was asked about it")
			}
			require.Error(t, err)
			time.Sleep(time.Second)
		}
		minutes := int(time.Since(began) / time.Minute)
		require.LessOrEqual(t, issuer.Fetches(), 2+minutes+minutes/10)
		requireAdmitted(t, auth, issuer.Sign(claims(nil)), "ws-1")
	})
}

func TestAKeyThatWasNotAskedAboutIsNoWrongOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := issuertest.NewIssuer(address, "ES256")
		auth := newOIDC(t, options(issuer))
		for range 2 { // the second is known to be wrong
			_, err := authenticate(t, auth, issuer.SignAs("junk", claims(nil)))
			require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated)
		}
		issuer.Rotate("ES256")
		good := issuer.Sign(claims(nil))
		_, err := authenticate(t, auth, good)
		requireUndecided(t, err)
		require.LessOrEqual(t, tokenprovider.RetryAfter(err), time.Minute)
		time.Sleep(tokenprovider.RetryAfter(err))
		requireAdmitted(t, auth, good, "ws-1")
	})
}

func TestAKeyThatIsGoneForLongIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := issuertest.NewIssuer(address, "ES256")
		auth := newOIDC(t, options(issuer))
		old := issuer.Sign(claims(map[string]any{"exp": time.Now().Add(48 * time.Hour).Unix()}))
		requireAdmitted(t, auth, old, "ws-1")
		issuer.Rotate("ES256")
		issuer.Retire()
		time.Sleep(24 * time.Hour) // in which nobody comes
		_, err := authenticate(t, auth, old)
		require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated)
	})
}

func TestATokenThatIsWrongAnywayFetchesNoKeys(t *testing.T) {
	issuer := issuertest.NewIssuer(address, "ES256")
	auth := newOIDC(t, options(issuer))
	for _, more := range []map[string]any{{"aud": "x"}, {"iss": "https://x.example"}, {"exp": 1}} {
		_, err := authenticate(t, auth, issuer.SignAs("unknown", claims(more)))
		require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated)
	}
	require.Equal(t, 1, issuer.Fetches())
}

func TestAnUnknownKeyIsUndecidedWhileTheIssuerIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := issuertest.NewIssuer(address, "ES256")
		auth := newOIDC(t, options(issuer))
		issuer.Rotate("ES256")
		issuer.Fail(http.StatusServiceUnavailable)
		for range 10 {
			_, err := authenticate(t, auth, issuer.Sign(claims(nil)))
			requireUndecided(t, err)
			require.NotZero(t, tokenprovider.RetryAfter(err))
		}
		issuer.Fail(0)
		time.Sleep(time.Minute)
		requireAdmitted(t, auth, issuer.Sign(claims(nil)), "ws-1")
	})
}

// hanging is an issuer that takes requests and doesn't answer.
type hanging struct{}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestAnIssuerThatHangsHoldsNobodyUpForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := issuertest.NewIssuer(address, "ES256")
		opts := options(issuer)
		opts.HTTPClient = &http.Client{Transport: hanging{}}
		began := time.Now()
		auth := newOIDC(t, opts)
		require.Equal(t, 5*time.Second, time.Since(began))
		time.Sleep(time.Second)
		began = time.Now()
		_, err := authenticate(t, auth, issuer.Sign(claims(nil)))
		requireUndecided(t, err)
		require.Equal(t, 5*time.Second, time.Since(began))
	})
}

func TestAnIssuersAnswersAreTakenOnlyIfTheyAreRight(t *testing.T) {
	issuer := issuertest.NewIssuer(address, "ES256")
	const discovery, secretKey = "/.well-known/openid-configuration", `{"kty":"oct","kid":"k","k":"c2VjcmV0IG9mIHRoZSBib2R5"}`
	const forEncryption = `{"kty":"OKP","crv":"Ed25519","kid":"k","use":"enc","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	for name, c := range map[string]struct{ path, body, says string }{
		"a page":          {discovery, "<html>secret of the body</html>", "it is no discovery document"},
		"another issuer":  {discovery, `{"issuer":"https://evil.example"}`, `it is of the issuer "https://evil.example"`},
		"keys over http":  {discovery, `{"issuer":"` + address + `","jwks_uri":"http://issuer.example/keys"}`, "its jwks_uri is http to another machine"},
		"no keys' URL":    {discovery, `{"issuer":"` + address + `"}`, "its jwks_uri is not an absolute URL"},
		"keys are a page": {"/keys", "<html>secret of the body</html>", "it is no key set"},
		"no keys":         {"/keys", `{"keys":[]}`, "has no public key"},
		"a shared secret": {"/keys", `{"keys":[` + secretKey + `]}`, "has no public key"},
		"to encrypt with": {"/keys", `{"keys":[` + forEncryption + `]}`, "has no public key"},
		"half a key":      {"/keys", `{"keys":[{"kty":"RSA","kid":"k","n":"11qYAYKx","e":"AA"}]}`, "has no public key"},
		"endless":         {"/keys", string(make([]byte, 2<<20)), "more than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			opts := options(issuer)
			opts.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if r.URL.Path == "/tenant"+c.path {
					w := httptest.NewRecorder()
					_, _ = w.WriteString(c.body)
					return w.Result(), nil
				}
				return issuer.Client().Transport.RoundTrip(r)
			})}
			_, err := authenticate(t, newOIDC(t, opts), issuer.Sign(claims(nil)))
			requireUndecided(t, err)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "secret of the body")
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestARealIssuerIsFoundByDiscoveryAndNoRedirectFollowed(t *testing.T) {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	issuer := issuertest.NewIssuer(server.URL, "EdDSA")
	mux.Handle("/", issuer)
	mux.Handle("/moved", http.RedirectHandler("/keys", http.StatusFound))
	opts := options(issuer)
	opts.HTTPClient = nil
	requireAdmitted(t, newOIDC(t, opts), issuer.Sign(claims(nil)), "ws-1")
	opts.KeysURL = server.URL + "/keys"
	requireAdmitted(t, newOIDC(t, opts), issuer.Sign(claims(nil)), "ws-1")
	opts.KeysURL = server.URL + "/moved"
	_, err := authenticate(t, newOIDC(t, opts), issuer.Sign(claims(nil)))
	requireUndecided(t, err)
	require.ErrorContains(t, err, "302")
}
