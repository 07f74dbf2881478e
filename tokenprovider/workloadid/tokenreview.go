package workloadid

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// TokenReviewOptions say which cluster is asked about the tokens of its pods.
type TokenReviewOptions struct {
	// URL is the API server's, https://kubernetes.default.svc from within the
	// cluster: https, or http to loopback. Required.
	URL string

	// CAFile holds the certificates of the authorities that the API server's own
	// is trusted by, in PEM: in a pod
	// /var/run/secrets/kubernetes.io/serviceaccount/ca.crt. "": the system's.
	CAFile string

	// TokenFile holds the platform's own token, which needs the right to create
	// tokenreviews (the ClusterRole system:auth-delegator): in a pod
	// /var/run/secrets/kubernetes.io/serviceaccount/token. Required.
	TokenFile string

	// Audience is what a token's aud has to hold. Required. It is the platform's
	// own, the one that serviceAccountToken of a projected volume asks for.
	Audience string

	// Workspace returns the id of the workspace that a token's claims name, once
	// the API server has accepted the token. Required. Every pod of the cluster
	// can have a token for the audience, so it looks at the namespace too. Its
	// error refuses the token (403), and so does an empty id.
	Workspace func(claims map[string]any) (string, error)

	// Logger gets each refusal with its reason, and what goes wrong with the
	// files. Nil: nothing is logged.
	Logger *slog.Logger
}

// TokenReview returns an Authenticator that asks the API server of a Kubernetes
// cluster about each token (authentication.k8s.io/v1, TokenReview). A pod that is
// deleted is refused, although its token hasn't expired.
//
// An answer is remembered for 5 s from the question on, by the token's digest. While the API server
// can't be asked, or refuses the platform's own token, it can't be decided (503).
// At most 16 tokens are asked about at a time; those that are expired, or for
// somebody else, aren't asked about. Both files are read at each question; while one
// can't be read, what it held before counts.
//
// The error names the option that is missing or malformed, or the file that can't
// be read; the API server isn't asked. The Authenticator is safe for concurrent
// use. The Principal's IssuedAt is the token's iat: a kubelet renews it.
func TokenReview(opts TokenReviewOptions) (tokenhttp.Authenticator, error) {
	switch {
	case opts.URL == "":
		return nil, errors.New("workloadid: TokenReviewOptions.URL is required: the API server's")
	case opts.TokenFile == "":
		return nil, errors.New("workloadid: TokenReviewOptions.TokenFile is required: " +
			"the platform's own token, with which the API server is asked")
	case opts.Audience == "":
		return nil, errors.New("workloadid: TokenReviewOptions.Audience is required: the aud of tokens that are for the platform")
	case opts.Workspace == nil:
		return nil, errors.New("workloadid: TokenReviewOptions.Workspace is required: which workspace a token is of")
	}
	base, err := wire.ParseURL(opts.URL, false)
	switch {
	case err != nil:
		return nil, fmt.Errorf("workloadid: TokenReviewOptions.URL %w", err)
	case base.RawQuery != "" || base.ForceQuery:
		return nil, errors.New("workloadid: TokenReviewOptions.URL has a query, and must not")
	}
	v := &reviewer{
		url:      strings.TrimRight(base.String(), "/") + "/apis/authentication.k8s.io/v1/tokenreviews",
		audience: opts.Audience,
		slots:    make(chan struct{}, maxReviews),
	}
	logger := foreign.Logger(opts.Logger)
	own, err := newFile("TokenReviewOptions.TokenFile", opts.TokenFile, parseToken, logger)
	if err != nil {
		return nil, err
	}
	v.own = own.get
	if v.client, err = clientFor(opts.CAFile, logger); err != nil {
		return nil, err
	}
	return &authenticator{
		audience: opts.Audience, logger: logger, rules: claimRules(opts.Audience),
		accept:    func(ctx context.Context, b bearer) (jwt.MapClaims, error) { return b.claims, v.accept(ctx, b) },
		workspace: opts.Workspace,
	}, nil
}

func parseToken(content []byte) (secret.Of[string], error) {
	token := strings.TrimSpace(string(content))
	if !wire.IsToken(token) {
		return secret.Of[string]{}, errors.New("it holds no token")
	}
	return secret.New(token), nil
}

// clientFor returns what yields the client that trusts the authorities in a file.
// When they change it is another one, and the former's idle connections end.
func clientFor(caFile string, logger *slog.Logger) (func(context.Context) *http.Client, error) {
	if caFile == "" {
		client := newClient(nil)
		return func(context.Context) *http.Client { return client }, nil
	}
	authorities, err := newFile("TokenReviewOptions.CAFile", caFile, func(content []byte) (*http.Client, error) {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(content) {
			return nil, errors.New("it holds no certificate in PEM")
		}
		return newClient(pool), nil
	}, logger)
	if err != nil {
		return nil, err
	}
	return authorities.get, nil
}

func newClient(authorities *x509.CertPool) *http.Client {
	transport := wire.NewTransport()
	transport.TLSClientConfig = &tls.Config{RootCAs: authorities}
	return &http.Client{Transport: transport, CheckRedirect: follow}
}
