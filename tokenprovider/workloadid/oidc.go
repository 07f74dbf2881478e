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

// OIDCOptions say whose tokens are taken, and what of them a workspace's are.
type OIDCOptions struct {
	// Issuer is what a token's iss has to be, byte for byte. Required. Where its
	// keys are found by discovery it is a URL: https, or http to loopback.
	Issuer string

	// Audience is what a token's aud has to hold. Required. It is the platform's
	// own: a token for somebody else isn't good here.
	Audience string

	// KeysURL is where the issuer's key set is (a JWKS, RFC 7517): https, or http
	// to loopback. KeysFile is a file that holds it, for issuers that can't be
	// reached; it is read at each request, so a change is seen at once. At most
	// one of them; with neither the issuer's discovery document tells where.
	KeysURL, KeysFile string

	// Workspace returns the id of the workspace that a token's claims name.
	// Required. Its error refuses the token (403), and so does an empty id.
	Workspace func(claims map[string]any) (string, error)

	// Rule returns why a token isn't one of the platform's, nil if it is.
	// Required: an issuer signs for all of its customers. [Claim] is one. Its
	// error refuses the token (403).
	Rule func(claims map[string]any) error

	// HTTPClient fetches the key set; nil: one that trusts the system's
	// authorities. Its redirects aren't followed.
	HTTPClient *http.Client

	// Logger gets each refusal with its reason, and what goes wrong with the key
	// set. Nil: nothing is logged.
	Logger *slog.Logger
}

// algorithms are those that a token may be signed with: none that takes a public
// key for a shared secret, and not "none".
var algorithms = []string{oidc.RS256, oidc.ES256, oidc.EdDSA}

// OIDC returns an Authenticator for tokens of an OpenID Connect issuer, or of any
// other that signs JWTs and publishes its keys. It accepts RS256, ES256 and EdDSA.
// iss, aud and exp are required; clocks may differ by a minute.
//
// The key set is fetched at once, for as long as ctx lasts and for 5 s at most; an
// issuer that is down is no error, and is asked again when a token comes. What was
// fetched is kept, is fetched anew in the background by a token that comes ten
// minutes later, before that token is judged after twenty, and is served on while
// the issuer is down. A token with another key's id has it fetched at most once a
// minute. While there are no keys, and where a token's key isn't known and the
// issuer can't be asked, or was less than a minute ago, it can't be decided (503).
// A set without a usable key is no set: to withdraw all keys, publish another one.
//
// The error names the option that is missing or malformed, or the KeysFile that
// can't be read. The Authenticator is safe for concurrent use. The Principal's
// IssuedAt is the token's iat.
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
