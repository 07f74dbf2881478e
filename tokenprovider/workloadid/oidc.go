package workloadid

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// OIDCOptions say which tokens [OIDC] accepts, and whose they are.
type OIDCOptions struct {
	// Issuer is what a token's iss has to be, byte for byte. Without KeysURL
	// and KeysFile it has to be a URL: https, or http to loopback. Required.
	Issuer string

	// Audience is what a token's aud has to have: a name of the platform's own,
	// so that a token for another service is refused. Required.
	Audience string

	// KeysURL is the URL of the issuer's JWKS: https, or http to loopback.
	// KeysFile is the path of a file that has it, for issuers that can't be
	// reached; it is read at each request, so a change is seen at once. At most
	// one may be set; with neither, the URL is that in the issuer's discovery
	// document.
	KeysURL, KeysFile string

	// Workspace returns the id of the workspace that a token's claims name. Its
	// error refuses the token (403), and so does an empty id. Required.
	Workspace func(claims map[string]any) (string, error)

	// Rule returns nil if a token belongs to a workspace of this platform, and
	// an error that says why it doesn't: that refuses the token (403). See
	// [Claim]. Required.
	Rule func(claims map[string]any) error

	// HTTPClient fetches the keys. Redirects aren't followed. Nil: a client
	// that trusts the system's certificate authorities.
	HTTPClient *http.Client

	// Logger gets each refusal with its reason, and each failure to get the
	// keys. Nil: nothing is logged.
	Logger *slog.Logger
}

// algorithms are those that a token may be signed with: none that takes a public
// key for a shared secret, and not "none".
var algorithms = []string{oidc.RS256, oidc.ES256, oidc.EdDSA}

// OIDC returns an Authenticator for the tokens of an OpenID Connect issuer, or
// of any other issuer that signs JWTs and publishes its keys as a JWKS (RFC
// 7517). The Authenticator is safe for concurrent use. The error names the
// option that is missing or malformed, or the KeysFile that can't be read.
//
// OIDC fetches the issuer's keys before it returns, until ctx ends and for 5 s
// at most. An issuer that is down is no error: the keys are then fetched when a
// token comes. Keys that are older than ten minutes are fetched anew in the
// background when a token comes, and keys that are older than twenty before the
// token is judged. If that fails the old keys are used on. A token with an
// unknown key id has the keys fetched at once, but only once a minute.
//
// A request can't be decided (503) while there are no keys, and if the token's
// key is unknown and the issuer can't be asked, or was asked less than a minute
// ago. A key set without a usable key is ignored: to withdraw all keys, publish
// a different one.
func OIDC(ctx context.Context, opts OIDCOptions) (tokenhttp.Authenticator, error) {
	switch {
	case opts.Issuer == "":
		return nil, errors.New("workloadid: OIDCOptions.Issuer is required: the iss of the tokens")
	case opts.Audience == "":
		return nil, errors.New("workloadid: OIDCOptions.Audience is required: the aud of tokens that are for the platform")
	case opts.Workspace == nil:
		return nil, errors.New("workloadid: OIDCOptions.Workspace is required: which workspace a token is of")
	case opts.Rule == nil:
		return nil, errors.New("workloadid: OIDCOptions.Rule is required: the issuer signs for others too")
	case opts.KeysURL != "" && opts.KeysFile != "":
		return nil, errors.New("workloadid: OIDCOptions has a KeysURL and a KeysFile, and may have one of them")
	}
	logger := foreign.Logger(opts.Logger)
	keys, err := keysOf(ctx, opts, logger)
	if err != nil {
		return nil, err
	}
	o := &issuer{name: opts.Issuer, keys: keys, config: &oidc.Config{
		ClientID: opts.Audience, SupportedSigningAlgs: algorithms, Now: lenient,
	}}
	return &authenticator{
		audience: opts.Audience, issuer: opts.Issuer, algorithms: algorithms, logger: logger,
		rules:     claimRules(opts.Audience, jwt.WithIssuer(opts.Issuer), jwt.WithIssuedAt()),
		accept:    o.accept,
		workspace: opts.Workspace, rule: opts.Rule,
	}, nil
}

// keysOf returns where the keys of opts are found.
func keysOf(ctx context.Context, opts OIDCOptions, logger *slog.Logger) (keyFinder, error) {
	if opts.KeysFile != "" {
		file, err := newFile("OIDCOptions.KeysFile", opts.KeysFile, parseKeys, logger)
		if err != nil {
			return nil, err
		}
		return keyFile{file}, nil
	}
	source, err := newKeySource(opts)
	if err != nil {
		return nil, err
	}
	set := &keySet{load: source.load, logger: logger.With("issuer", opts.Issuer)}
	set.begin(ctx)
	return set, nil
}

// issuer verifies signatures.
type issuer struct {
	name   string
	keys   keyFinder
	config *oidc.Config
}

// accept returns the claims of a bearer that the issuer signed. That they hold was
// looked at before, so that what is no good for other reasons fetches no keys; of
// what is signed it is looked at again here.
func (o *issuer) accept(ctx context.Context, b bearer) (jwt.MapClaims, error) {
	keys, err := o.keys.find(ctx, b.algorithm, b.keyID)
	if err != nil {
		return nil, err
	}
	verifier := oidc.NewVerifier(o.name, &oidc.StaticKeySet{PublicKeys: keys}, o.config)
	token, err := verifier.Verify(ctx, b.raw)
	if err != nil {
		return nil, unauthenticated("none of the issuer's keys with its id made its signature, or it is malformed")
	}
	claims := jwt.MapClaims{}
	if err := token.Claims(&claims); err != nil {
		return nil, fmt.Errorf("workloadid: the claims of a token: %w", err)
	}
	return claims, nil
}
