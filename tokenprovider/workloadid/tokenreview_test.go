package workloadid_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/issuertest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/molecule-ai/provisionkit/tokenprovider/workloadid"
	"github.com/stretchr/testify/require"
)

// testCluster is a cluster whose platform may ask for reviews, and the files in
// the platform's pod.
type testCluster struct {
	*issuertest.Cluster
	caFile, tokenFile string
}

const ownToken = "the-platforms-own-token-7d1f"

func newCluster(t testing.TB) *testCluster {
	t.Helper()
	c := issuertest.StartCluster()
	t.Cleanup(c.Close)
	c.Allow(ownToken, http.StatusCreated)
	c.Start("agents", "ws-1")
	return &testCluster{c, write(t, "ca.crt", string(c.CA())), write(t, "token", ownToken+"\n")}
}

// otherCA returns the certificate of an authority that signed nothing.
func otherCA(t testing.TB) []byte {
	t.Helper()
	key := testutil.RSAKey(t, 0)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
}

func reviewOptions(c *testCluster) workloadid.TokenReviewOptions {
	return workloadid.TokenReviewOptions{
		URL: c.Address(), CAFile: c.caFile, TokenFile: c.tokenFile, Audience: audience, Workspace: pod,
	}
}

// pod returns the name of a pod in the namespace agents.
func pod(claims map[string]any) (string, error) {
	if namespace, err := workloadid.Text(claims, "kubernetes.io", "namespace"); err != nil || namespace != "agents" {
		return "", errors.New("its pod isn't in the namespace agents")
	}
	return workloadid.Text(claims, "kubernetes.io", "pod", "name")
}

func newReview(t testing.TB, opts workloadid.TokenReviewOptions) tokenhttp.Authenticator {
	t.Helper()
	auth, err := workloadid.TokenReview(opts)
	require.NoError(t, err)
	return auth
}

func TestAPodIsItsWorkspaceUntilItIsDeleted(t *testing.T) {
	cluster := newCluster(t)
	auth := newReview(t, reviewOptions(cluster))
	token := cluster.Token("agents", "ws-1", audience, nil)
	p, err := authenticate(t, auth, token)
	require.NoError(t, err)
	require.Equal(t, "ws-1", p.WorkspaceID)
	require.WithinDuration(t, time.Now(), p.IssuedAt, time.Minute)

	cluster.Delete("agents", "ws-1")
	_, err = authenticate(t, newReview(t, reviewOptions(cluster)), token)
	require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated, "another replica")
	cluster.Start("agents", "ws-1")
	_, err = authenticate(t, newReview(t, reviewOptions(cluster)), token)
	require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated, "another pod of that name")
	requireAdmitted(t, auth, cluster.Token("agents", "ws-1", audience, nil), "ws-1")
}

func TestEachTokenThatTheClusterDoesntAcceptIsRefused(t *testing.T) {
	cluster := newCluster(t)
	cluster.Start("people", "ws-1")
	stranger := issuertest.StartCluster()
	t.Cleanup(stranger.Close)
	stranger.Start("agents", "ws-1")
	with := func(name string, value any) string {
		return cluster.Token("agents", "ws-1", audience, map[string]any{name: value})
	}
	for name, c := range map[string]struct {
		token, reason string
		err           error
		reviews       int
	}{
		"no JWT":            {"an-opaque-bearer-of-somebody", "it is no JWT", tokenhttp.ErrUnauthenticated, 0},
		"another audience":  {cluster.Token("agents", "ws-1", "vault", nil), `its aud is \"[vault]\"`, tokenhttp.ErrUnauthenticated, 0},
		"no audience":       {with("aud", nil), "aud claim is required", tokenhttp.ErrUnauthenticated, 0},
		"no exp":            {with("exp", nil), "exp claim is required", tokenhttp.ErrUnauthenticated, 0},
		"expired":           {with("exp", time.Now().Add(-time.Hour).Unix()), "it expired at", tokenhttp.ErrUnauthenticated, 0},
		"another cluster":   {stranger.Token("agents", "ws-1", audience, nil), "the API server doesn't accept it", tokenhttp.ErrUnauthenticated, 1},
		"no such pod":       {cluster.Token("agents", "ws-2", audience, nil), "the API server doesn't accept it", tokenhttp.ErrUnauthenticated, 1},
		"another namespace": {cluster.Token("people", "ws-1", audience, nil), "its pod isn't in the namespace agents", tokenhttp.ErrForbidden, 1},
	} {
		t.Run(name, func(t *testing.T) {
			log := testutil.NewCapture(t, c.token, ownToken)
			opts := reviewOptions(cluster)
			opts.Logger = log.Logger()
			before := cluster.Reviews()
			auth := newReview(t, opts)
			for range 3 {
				_, err := authenticate(t, auth, c.token)
				require.ErrorIs(t, err, c.err)
				require.Empty(t, testutil.Leak(err.Error(), c.token, ownToken))
			}
			require.Contains(t, log.String(), c.reason)
			require.Equal(t, c.reviews, cluster.Reviews()-before, "reviews")
		})
	}
}

func TestAnAPIServerThatCantDecideIsNeverAccess(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(*testing.T, *testCluster)
		says   string
	}{
		"it is down":     {func(_ *testing.T, c *testCluster) { c.Close() }, "the API server can't be asked"},
		"an error of it": {func(_ *testing.T, c *testCluster) { c.Break(500) }, "the API server answered 500"},
		"a page":         {func(_ *testing.T, c *testCluster) { c.Break(200) }, "what answered at TokenReviewOptions.URL is no API server"},
		"a redirect":     {func(_ *testing.T, c *testCluster) { c.Break(302) }, "the API server answered 302"},
		"own token dead": {func(_ *testing.T, c *testCluster) { c.Allow(ownToken, 0) }, "refuses the token in TokenReviewOptions.TokenFile (401)"},
		"no right":       {func(_ *testing.T, c *testCluster) { c.Allow(ownToken, 403) }, "system:auth-delegator"},
		"another authority": {func(t *testing.T, c *testCluster) {
			require.NoError(t, os.WriteFile(c.caFile, otherCA(t), 0o600))
		}, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t)
			auth := newReview(t, reviewOptions(cluster))
			token := cluster.Token("agents", "ws-1", audience, nil)
			c.breaks(t, cluster)
			for range 2 {
				_, err := authenticate(t, auth, token)
				requireUndecided(t, err)
				require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
				require.ErrorContains(t, err, c.says)
				require.Empty(t, testutil.Leak(err.Error(), token, ownToken, "secret of the body"))
			}
		})
	}
}

// An API server that is a stand-in's answers.
func TestAnAnswerHasToSayForWhomAndOfWhomATokenIs(t *testing.T) {
	cluster := newCluster(t)
	token := cluster.Token("agents", "ws-1", audience, nil)
	const user = `"user":{"username":"system:serviceaccount:agents:default"}`
	const kind = `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","status":`
	for body, want := range map[string]error{
		kind + `{"authenticated":true,"audiences":["` + audience + `"],` + user + `}}`:                       nil,
		kind + `{"authenticated":true,` + user + `}}`:                                                        tokenhttp.ErrUnauthenticated,
		kind + `{"authenticated":true,"audiences":["x"],` + user + `}}`:                                      tokenhttp.ErrUnauthenticated,
		kind + `{"authenticated":true,"audiences":["` + audience + `"],"user":{"username":"system:admin"}}}`: tokenhttp.ErrUnauthenticated,
		kind + `{"audiences":["` + audience + `"],` + user + `}}`:                                            tokenhttp.ErrUnauthenticated,
		kind + `{}}`: tokenhttp.ErrUnauthenticated,
		kind + `{"authenticated":true,"error":"s3cret","audiences":["` + audience + `"],` + user + `}}`: tokenhttp.ErrUnauthenticated,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		opts := reviewOptions(cluster)
		opts.URL = server.URL
		_, err := authenticate(t, newReview(t, opts), token)
		require.ErrorIs(t, err, want, body)
		server.Close()
	}
}

func TestOnlyATokenReviewDecides(t *testing.T) {
	cluster := newCluster(t)
	token := cluster.Token("agents", "ws-1", audience, nil)
	const yes = `,"status":{"authenticated":true,"audiences":["` + audience + `"],"user":{"username":"system:serviceaccount:agents:default"}}}`
	for _, head := range []string{
		`{"x":1`, `{"kind":"TokenReview"`, `{"kind":"Pod","apiVersion":"authentication.k8s.io/v1"`, `{"kind":"TokenReview","apiVersion":"v1"`,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(head + yes)) }))
		opts := reviewOptions(cluster)
		opts.URL = server.URL
		_, err := authenticate(t, newReview(t, opts), token)
		requireUndecided(t, err)
		server.Close()
	}
}

func TestManyWhoComeWithOneTokenAreOneQuestion(t *testing.T) {
	cluster := newCluster(t)
	auth := newReview(t, reviewOptions(cluster))
	token := cluster.Token("agents", "ws-1", audience, nil)
	before := cluster.Reviews()
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			_, err := authenticate(t, auth, token)
			require.NoError(t, err)
		})
	}
	all.Wait()
	require.Equal(t, 1, cluster.Reviews()-before)
}

func TestMissingAndMalformedOptionsOfAReviewAreNamed(t *testing.T) {
	cluster := newCluster(t)
	for says, change := range map[string]func(*workloadid.TokenReviewOptions){
		"TokenReviewOptions.URL is required":       func(o *workloadid.TokenReviewOptions) { o.URL = "" },
		"TokenReviewOptions.URL is http":           func(o *workloadid.TokenReviewOptions) { o.URL = "http://10.0.0.1" },
		"TokenReviewOptions.URL has a query":       func(o *workloadid.TokenReviewOptions) { o.URL = "https://10.0.0.1?a=b" },
		"TokenReviewOptions.TokenFile is required": func(o *workloadid.TokenReviewOptions) { o.TokenFile = "" },
		"TokenReviewOptions.TokenFile: ":           func(o *workloadid.TokenReviewOptions) { o.TokenFile = "/nowhere/token" },
		"TokenReviewOptions.CAFile: ":              func(o *workloadid.TokenReviewOptions) { o.CAFile = "/nowhere/ca.crt" },
		"it holds no certificate":                  func(o *workloadid.TokenReviewOptions) { o.CAFile = o.TokenFile },
		"TokenFile: it holds no token":             func(o *workloadid.TokenReviewOptions) { o.TokenFile = o.CAFile },
		"TokenReviewOptions.Audience is required":  func(o *workloadid.TokenReviewOptions) { o.Audience = "" },
		"TokenReviewOptions.Workspace is required": func(o *workloadid.TokenReviewOptions) { o.Workspace = nil },
	} {
		opts := reviewOptions(cluster)
		change(&opts)
		auth, err := workloadid.TokenReview(opts)
		require.ErrorContains(t, err, says)
		require.Nil(t, auth)
	}
}
