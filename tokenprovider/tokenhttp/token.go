package tokenhttp

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// issued is a token that is handed out.
type issued struct {
	token     string
	expiresAt time.Time
}

// issue asks the Source whose token it is, and that provider for a live one.
func (x *exchange) issue(in admitted) (issued, error) {
	ctx := tokenprovider.WithRepository(in.ctx, x.wish.repository)
	if x.wish.minTTL > 0 {
		ctx = tokenprovider.WithMinTTL(ctx, x.wish.minTTL)
	}
	if err := x.enter(ctx, atSource, nil); err != nil {
		return issued{}, err
	}
	from, err := x.source(ctx, in.principal)
	if err != nil {
		return issued{}, err
	}
	if foreign.IsNil(from) {
		return issued{}, noProvider
	}
	name := nameOf(from)
	asked := time.Now()
	if err := x.enter(ctx, atProvider, func(at *position) { at.provider = name }); err != nil {
		return issued{}, err
	}
	got, err := unrejected(ctx, from, rejectedBy(x.request))
	if err != nil {
		return issued{}, err
	}
	return got, got.check(asked)
}

// unrejected returns a token of from that isn't among the rejected, as far as
// the provider drops those. Nothing but the token that the caller would get can
// be dropped this way, each once, and a Cache doesn't drop one that is too
// young.
func unrejected(
	ctx context.Context, from tokenprovider.TokenProvider, rejected []string,
) (issued, error) {
	for {
		token, expiresAt, err := from.Token(ctx)
		if err != nil || token == "" || len(rejected) == 0 {
			return issued{token, expiresAt}, err
		}
		digest := tokenprovider.TokenSHA256(token)
		if !slices.Contains(rejected, digest) {
			return issued{token, expiresAt}, nil
		}
		if !tokenprovider.Invalidate(from, token) {
			status, reports := tokenprovider.StatusOf(from)
			if !reports || status.TokenSHA256 == digest {
				return issued{token, expiresAt}, nil
			} // else another request has dropped it in this moment
		}
		rejected = without(rejected, digest)
	}
}

// rejectedBy returns the digests of the refused tokens that r tells: one per
// line, or several when a proxy joined the lines. It returns no more of them
// than a [Client] tells, as a header can be long.
func rejectedBy(r *http.Request) (digests []string) {
	for _, line := range r.Header.Values(wire.RejectedHeader) {
		for digest := range strings.SplitSeq(line, ",") {
			if len(digests) == wire.MaxRejected {
				return digests
			}
			digests = append(digests, strings.TrimSpace(digest))
		}
	}
	return digests
}

var errEmptyToken = errors.New("tokenhttp: the provider answered with an empty token")

// check refuses what no provider may answer with. That a token died since it
// was asked for is no defect.
func (i issued) check(asked time.Time) error {
	const internal = tokenprovider.CodeInternal
	switch dead := wire.Expired(i.expiresAt, time.Now()); {
	case i.token == "":
		return &tokenprovider.Error{Code: internal, Err: errEmptyToken}
	case !wire.IsToken(i.token):
		return coded(internal, "the provider's token has a space or a control character in it, or isn't ASCII")
	case dead && !wire.Expired(i.expiresAt, asked):
		return coded(tokenprovider.CodeUnavailable, "the provider's token expired on its way, at %s",
			wire.FormatTime(i.expiresAt))
	case dead:
		return coded(internal, "the provider's token has expired, at %s", wire.FormatTime(i.expiresAt))
	}
	return nil
}
