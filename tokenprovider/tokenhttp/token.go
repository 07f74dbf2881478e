package tokenhttp

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// token answers with the token that the Source has for p.
func (h *Handler) token(ctx context.Context, w http.ResponseWriter, r *http.Request, p Principal, record *AuditRecord) (*reply, *refusal) {
	forGit, refused := asksForGit(r)
	if refused != nil {
		return nil, refused
	}
	minTTL, refused := minTTLOf(r.URL, forGit)
	if refused != nil {
		return nil, refused
	}
	encode := encoding(h.asJSON)
	if forGit {
		if encode, refused = h.asGit(w, r); refused != nil {
			return nil, refused
		}
	}
	if minTTL > 0 {
		ctx = tokenprovider.WithMinTTL(ctx, minTTL)
	}
	var provider tokenprovider.TokenProvider
	err := guard(ctx, h.options.Logger, "source", func() (err error) {
		provider, err = h.source(ctx, p)
		return err
	})
	switch {
	case errors.Is(err, errNoRegistry):
		return nil, noRegistry
	case errors.Is(err, ErrForbidden):
		return nil, forbidden
	case err == nil && isNil(provider):
		return nil, noProvider
	}
	var token string
	var expiresAt time.Time
	asked := time.Now()
	if err == nil {
		err = guard(ctx, h.options.Logger, "provider", func() (err error) {
			record.Provider = nameOf(provider)
			token, expiresAt, err = live(ctx, provider, rejectedBy(r))
			return err
		})
	}
	if err == nil {
		err = check(token, expiresAt, asked)
	}
	var answer *reply
	if err == nil {
		if answer, err = encode(token, expiresAt); err != nil {
			err = &tokenprovider.Error{Code: tokenprovider.CodeInternal, Err: err}
		}
	}
	if err != nil {
		return nil, h.failed(ctx, p, err, record.Provider)
	}
	record.issued(token, expiresAt)
	return answer, nil
}

// live is the token of provider that isn't among the rejected, as far as the provider drops those. Nothing but the token
// that the caller would get can be dropped this way, each once, and a Cache doesn't drop one that is too young.
func live(ctx context.Context, provider tokenprovider.TokenProvider, rejected []string) (string, time.Time, error) {
	for {
		token, expiresAt, err := provider.Token(ctx)
		digest := tokenprovider.TokenSHA256(token)
		if err != nil || token == "" || !slices.Contains(rejected, digest) || !tokenprovider.Invalidate(provider, token) {
			return token, expiresAt, err
		}
		rejected = without(rejected, digest)
	}
}

// rejectedBy are the digests of the refused tokens that r tells: one per line, or several when a proxy joined the lines. It
// has no more of them than a [Client] tells, as a header can be long.
func rejectedBy(r *http.Request) (digests []string) {
	for _, line := range r.Header.Values(rejectedHeader) {
		for digest := range strings.SplitSeq(line, ",") {
			if len(digests) == mostRejected {
				return digests
			}
			digests = append(digests, strings.TrimSpace(digest))
		}
	}
	return digests
}

var errEmptyToken = errors.New("tokenhttp: the provider answered with an empty token")

// check refuses what no provider may answer with. That a token died since it was asked for is no defect.
func check(token string, expiresAt, asked time.Time) error {
	var defect error
	switch now := time.Now(); {
	case token == "":
		defect = errEmptyToken
	case !printable(token):
		defect = errors.New("tokenhttp: the provider's token has a space or a control character in it, or isn't ASCII")
	case !expiresAt.IsZero() && !expiresAt.After(now) && expiresAt.After(asked):
		return &tokenprovider.Error{Code: tokenprovider.CodeUnavailable, Err: errors.New("tokenhttp: the provider's token expired on its way, at " + wireTime(expiresAt))}
	case !expiresAt.IsZero() && !expiresAt.After(now):
		defect = errors.New("tokenhttp: the provider's token has expired, at " + wireTime(expiresAt))
	default:
		return nil
	}
	return &tokenprovider.Error{Code: tokenprovider.CodeInternal, Err: defect}
}

// failed is the refusal for err. The reason is for the log: what goes wrong behind a provider is the operator's affair.
func (h *Handler) failed(ctx context.Context, p Principal, err error, provider string) *refusal {
	refused := failed(err)
	if refused == noProvider {
		return refused
	}
	if errors.Is(err, errEmptyToken) {
		refused = emptyToken
	}
	h.options.Logger.ErrorContext(ctx, "[github] token refresh failed",
		"workspace", p.WorkspaceID, "provider", provider, "code", string(refused.code), "error", err)
	return refused
}

// minTTLOf is the life that a request to u asks for. One that doesn't say asks for none, or, if it is git's, for as much
// as a credential helper does: git never asks again, and its request has no place for the wish.
func minTTLOf(u *url.URL, forGit bool) (time.Duration, *refusal) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return 0, malformed("min_ttl: the query of the URL is malformed")
	}
	values, asked := query[minTTLParam]
	switch {
	case !asked && forGit:
		return gitcredential.DefaultMinTTL, nil
	case !asked:
		return 0, nil
	}
	d, err := time.ParseDuration(values[0])
	if err != nil || d < 0 || len(values) > 1 {
		return 0, malformed("min_ttl: must be one duration of zero or more, such as 10m")
	}
	return d, nil
}
