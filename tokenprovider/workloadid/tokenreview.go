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

// TokenReviewOptions say which cluster [TokenReview] asks, and whose its tokens
// are.
type TokenReviewOptions struct {
	// URL is that of the API server, within the cluster
	// https://kubernetes.default.svc: https, or http to loopback. Required.
	URL string

	// CAFile is the path of the certificate authorities that the API server is
	// trusted by, in PEM: in a pod
	// /var/run/secrets/kubernetes.io/serviceaccount/ca.crt. Empty: those of the
	// system.
	CAFile string

	// TokenFile is the path of the platform's own token, which needs the right
	// to create tokenreviews (the ClusterRole system:auth-delegator): in a pod
	// /var/run/secrets/kubernetes.io/serviceaccount/token. Required.
	TokenFile string

	// Audience is what a token's aud has to have: a name of the platform's own,
	// which a projected volume names in serviceAccountToken. Required.
	Audience string

	// Workspace returns the id of the workspace that a token's claims name. It
	// is called once the API server has accepted the token. Every pod of the
	// cluster can get a token for the audience, so test the namespace, too. An
	// error refuses the token (403), and so does an empty id. Required.
	Workspace func(claims map[string]any) (string, error)

	// Logger gets each refusal with its reason, and each failure to read the
	// files. Nil: nothing is logged.
	Logger *slog.Logger
}

// TokenReview returns an Authenticator that asks the API server of a Kubernetes
// cluster about each token (authentication.k8s.io/v1, TokenReview). It refuses
// the token of a deleted pod, even if it hasn't expired. It is safe for
// concurrent use.
//
// An answer is kept for 5 s, by the token's digest. While the API server can't
// be asked, or refuses the platform's own token, a request can't be decided
// (503). At most 16 tokens are asked about at a time, and none that is expired
// or has another audience. CAFile and TokenFile are read for each question;
// while one can't be read, its last content is used.
//
// The error names the option that is missing or malformed, or the file that
// can't be read. TokenReview itself doesn't ask the API server.
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
