package workloadid

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

const (
	leeway   = time.Minute     // by which clocks may differ
	patience = 5 * time.Second // with an issuer or an API server
	maxQuote = 100             // characters of a claim in a reason
)

// authenticator tells who sent a request by the claims of its bearer.
type authenticator struct {
	audience   string
	issuer     string   // for the reason of a refusal
	algorithms []string // nil: who accepts knows which are good
	rules      *jwt.Validator
	accept     func(ctx context.Context, b bearer) (jwt.MapClaims, error)
	workspace  func(claims map[string]any) (string, error)
	rule       func(claims map[string]any) error // nil: none
	logger     *slog.Logger
}

// bearer is a token that is a JWT, whatever it is worth.
type bearer struct {
	raw              string
	algorithm, keyID string
	claims           jwt.MapClaims // as it says, unproved
}

// Authenticate implements [tokenhttp.Authenticator].
func (a *authenticator) Authenticate(r *http.Request) (tokenhttp.Principal, error) {
	raw, ok := wire.Bearer(r.Header)
	if !ok {
		return tokenhttp.Principal{}, tokenhttp.ErrUnauthenticated
	}
	p, err := a.authenticate(r.Context(), raw)
	if errors.Is(err, tokenhttp.ErrUnauthenticated) || errors.Is(err, tokenhttp.ErrForbidden) {
		a.logger.WarnContext(r.Context(), "token refused", "audience", a.audience, "error", err)
	}
	return p, err
}

func (a *authenticator) authenticate(ctx context.Context, raw string) (tokenhttp.Principal, error) {
	b, err := parse(raw)
	if err != nil {
		return tokenhttp.Principal{}, err
	}
	if err := a.check(b); err != nil {
		return tokenhttp.Principal{}, err
	}
	claims, err := a.accept(ctx, b)
	if err != nil {
		return tokenhttp.Principal{}, err
	}
	id, err := a.judge(claims)
	if err != nil {
		return tokenhttp.Principal{}, err
	}
	p := tokenhttp.Principal{WorkspaceID: id}
	if issuedAt, err := claims.GetIssuedAt(); err == nil && issuedAt != nil {
		p.IssuedAt = issuedAt.UTC().Truncate(time.Second)
	}
	return p, nil
}

// judge returns the workspace that the claims name, if it is one of the
// platform's. What it asks is the user's code, which gets a map of its own.
func (a *authenticator) judge(claims jwt.MapClaims) (id string, err error) {
	if a.rule != nil {
		if err := foreign.Do("the Rule", func() error { return a.rule(claims) }); err != nil {
			return "", forbidden("the rule refuses it", err)
		}
	}
	err = foreign.Do("Workspace", func() (err error) { id, err = a.workspace(claims); return err })
	switch {
	case err != nil:
		return "", forbidden("it names no workspace", err)
	case id == "":
		return "", forbidden("it names no workspace", errors.New("the id is empty"))
	}
	return id, nil
}

// parse takes a bearer apart.
func parse(raw string) (bearer, error) {
	token, _, err := jwt.NewParser().ParseUnverified(raw, jwt.MapClaims{})
	if token == nil || token.Claims == nil || err != nil && !errors.Is(err, jwt.ErrTokenUnverifiable) {
		return bearer{}, unauthenticated("it is no JWT")
	}
	algorithm, _ := token.Header["alg"].(string)
	keyID, _ := token.Header["kid"].(string)
	return bearer{raw: raw, algorithm: algorithm, keyID: keyID, claims: token.Claims.(jwt.MapClaims)}, nil
}

// claimRules are what the claims of every token have to fulfil.
func claimRules(audience string, more ...jwt.ParserOption) *jwt.Validator {
	return jwt.NewValidator(append(more,
		jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithLeeway(leeway))...)
}

// lenient returns the time by a clock that is late by as much as is allowed.
func lenient() time.Time { return time.Now().Add(-leeway) }

// check returns what is wrong with b before anybody is asked about it.
func (a *authenticator) check(b bearer) error {
	err := a.rules.Validate(b.claims)
	var reason string
	switch {
	case !sane(b.claims):
		reason = "its iat, nbf or exp isn't a time of this era"
	case a.algorithms != nil && !slices.Contains(a.algorithms, b.algorithm):
		reason = fmt.Sprintf("its alg is %q, and not one of %q", quote(b.algorithm), a.algorithms)
	case err == nil:
		return nil
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		iss, _ := b.claims.GetIssuer()
		reason = fmt.Sprintf("its iss is %q, and not %q", quote(iss), a.issuer)
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		aud, _ := b.claims.GetAudience()
		reason = fmt.Sprintf("its aud is %q, without %q", quote(fmt.Sprint(aud)), a.audience)
	case errors.Is(err, jwt.ErrTokenExpired):
		exp, _ := b.claims.GetExpirationTime()
		reason = "it expired at " + exp.UTC().Format(time.RFC3339)
	default:
		reason = err.Error() // of the names of claims, never of their values
	}
	return unauthenticated("%s", reason)
}

// sane reports whether the times in claims are between 1970 and 9999: a number
// that is none of a time's can become any.
func sane(claims jwt.MapClaims) bool {
	for _, name := range []string{"iat", "nbf", "exp"} {
		if seconds, ok := claims[name].(float64); ok && (seconds < 0 || seconds > 253402300799) {
			return false
		}
	}
	return true
}

// quote returns what a token says, as it may be told.
func quote(text string) string { return wire.OneLine(text, maxQuote) }

// unauthenticated returns the refusal of a token that isn't good.
func unauthenticated(format string, args ...any) error {
	return fmt.Errorf("workloadid: %s: %w", fmt.Sprintf(format, args...), tokenhttp.ErrUnauthenticated)
}

// forbidden returns the refusal of a token that is good and not the platform's. A
// defect of the code that refused it decides nothing.
func forbidden(reason string, err error) error {
	if _, defect := err.(*foreign.Defect); defect {
		return &tokenprovider.Error{Code: tokenprovider.CodeInternal, Err: fmt.Errorf("workloadid: %w", err)}
	}
	return fmt.Errorf("workloadid: %s: %v: %w", reason, err, tokenhttp.ErrForbidden)
}

// undecided returns the error for what can't be asked at the moment.
func undecided(retryAfter time.Duration, format string, args ...any) error {
	return &tokenprovider.Error{
		Code: tokenprovider.CodeUnavailable, RetryAfter: retryAfter,
		Err: fmt.Errorf("workloadid: "+format, args...),
	}
}
