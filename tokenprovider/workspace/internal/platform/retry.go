package platform

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

const (
	// onceTimeout bounds the try of a source that has no patience.
	onceTimeout = 10 * time.Second

	// hurry is how long one try goes without an answer before there is another
	// beside it: the first may hang in a replica that is gone, or be the one
	// that a platform is being started for.
	hurry = 5 * time.Second

	// firstPause lies between a try that failed and the next, and doubles up to
	// maxPause. Half of it is drawn, so that what began together doesn't come
	// again together.
	firstPause = 250 * time.Millisecond
	maxPause   = 2 * time.Second
)

// answer is what one try came to.
type answer struct {
	token     string
	expiresAt time.Time
	err       error
}

// ask returns the platform's first answer that settles the matter, or why there
// is none. A Retry-After is kept to if there is time for it, and not to the
// moment: a whole fleet was told the same.
func (s *Source) ask(ctx context.Context) answer {
	ctx, giveUp := context.WithTimeout(ctx, cmp.Or(s.patience, onceTimeout))
	defer giveUp()
	if s.patience == 0 {
		return s.try(ctx)
	}
	answers, running := make(chan answer), 0
	defer func() {
		for giveUp(); running > 0; running-- {
			<-answers
		}
	}()
	next := time.NewTimer(hurry)
	defer next.Stop()
	begin := func() {
		running++
		go func() { answers <- s.try(ctx) }()
		next.Reset(hurry)
	}
	begin()
	var last answer
	for pause := firstPause; ; {
		select {
		case a := <-answers:
			running--
			if !passes(a.err) {
				return a
			}
			last = a
			wait := max(pause/2, tokenprovider.RetryAfter(a.err)) + rand.N(pause/2)
			pause = min(2*pause, maxPause)
			if deadline, _ := ctx.Deadline(); time.Until(deadline) > wait {
				next.Reset(wait)
			} else if next.Stop(); running == 0 {
				return last
			}
		case <-next.C:
			begin()
		case <-ctx.Done():
			if last.err == nil { // all of them hang
				running--
				return <-answers
			}
			return last
		}
	}
}

// try asks once.
func (s *Source) try(ctx context.Context) (a answer) {
	a.token, a.expiresAt, a.err = s.client.Token(ctx)
	return a
}

// passes reports whether err may be over soon: the platform isn't there, or
// says when to come again. What is wrong with a certificate, a port or a URL
// stays wrong, as does what a proxy forbids, and what fails behind the platform
// isn't helped by asking it.
func passes(err error) bool {
	answered, isAnswer := errors.AsType[*wire.StatusError](err)
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, isNoTLS := errors.AsType[tls.RecordHeaderError](err)
	proxy, isProxy := errors.AsType[*wire.ProxyRefusal](err)
	switch tokenprovider.CodeOf(err) {
	case tokenprovider.CodeUnavailable:
		if isAnswer {
			return http.StatusBadGateway <= answered.Status && answered.Status <= http.StatusGatewayTimeout
		}
		forbidden := isProxy && proxy.Status < http.StatusInternalServerError
		return !isCertificate && !isNoTLS && !forbidden && !errors.Is(err, http.ErrSchemeMismatch)
	case tokenprovider.CodeRateLimited:
		return tokenprovider.RetryAfter(err) > 0
	}
	return false
}
