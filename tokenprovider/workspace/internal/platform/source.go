// Package platform is the workspace's way to its platform: the endpoint that
// hands out tokens, the bearer that the workspace authenticates with, and what
// is kept on disk between the runs of the command.
package platform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/self"
)

const (
	// hurry bounds a refresh if the token on disk outlives it: an endpoint that
	// hangs must not stall who can go on.
	hurry = 3 * time.Second
	// lockWait is longer than a call of the endpoint takes at most, with a
	// second try.
	lockWait = 25 * time.Second
	// backOff holds the next refresh off after one that failed, while the token
	// on disk lives, or a quarter of what that has left; backOffMax bounds what
	// the platform may ask for.
	backOff    = 15 * time.Second
	backOffMax = time.Minute
	// renewPause lies between two tries to renew the bearer, or a quarter of
	// the life that it has left.
	renewPause = time.Minute
)

// Source is the token of this workspace: from the disk while it lasts, else
// from the platform's endpoint. It may be used by several goroutines, and by
// many processes at a time.
type Source struct {
	endpoint  config.Endpoint
	transport http.RoundTripper
	bearer    *Bearer
	disk      *Disk       // nil: nothing is kept
	asked     atomic.Bool // for a token
}

var _ interface {
	tokenprovider.TokenProvider
	tokenprovider.Invalidator
} = (*Source)(nil)

// Open opens the source that the environment configures. Close it.
func Open(ctx context.Context, getenv func(string) string) (*Source, error) {
	e, err := config.ReadEndpoint(getenv)
	if err != nil {
		return nil, err
	}
	b, err := OpenBearer(ctx, getenv, e)
	if err != nil {
		return nil, err
	}
	return &Source{endpoint: e, transport: wire.NewTransport(), bearer: b, disk: b.disk}, nil
}

// Close closes the connections to the platform and lets go of the disk.
func (s *Source) Close() {
	(&http.Client{Transport: s.transport}).CloseIdleConnections()
	s.bearer.Close()
}

// Disk returns what keeps the token; nil where nothing is kept.
func (s *Source) Disk() *Disk { return s.disk }

// Fresh returns a token to hand on, with as much of its life left as git gets.
func (s *Source) Fresh(ctx context.Context) (string, time.Time, error) {
	token, expiresAt, err := s.Token(tokenprovider.WithMinTTL(ctx, gitcredential.DefaultMinTTL))
	s.RenewBearer(ctx)
	return token, expiresAt, err
}

// Token returns the token on disk if it has the life that ctx asks for or,
// where it never had that, half of what it had when it came. Otherwise one
// process asks the endpoint while the others wait for what it gets. When that
// fails, the token on disk is served for as long as it lives.
func (s *Source) Token(ctx context.Context) (string, time.Time, error) {
	s.asked.Store(true)
	asked := time.Now()
	held := s.disk.load()
	if held.serves(tokenprovider.MinTTL(ctx), asked) {
		return serve(held)
	}
	unlock, locked := s.disk.lock(ctx, lockWait)
	if locked {
		defer unlock()
		held = s.disk.load()
		if held.serves(tokenprovider.MinTTL(ctx), time.Now()) {
			return serve(held)
		}
		if held.failedSince(asked, time.Now()) {
			return instead(held, held.failure())
		}
	}
	token, expiresAt, err := s.fetch(ctx, held)
	if err != nil {
		if locked {
			_ = s.disk.save(held.withFailure(err, time.Now()))
		}
		return instead(held, err)
	}
	if locked {
		_ = s.disk.save(held.withToken(token, expiresAt, time.Now()))
	}
	return token, expiresAt, nil
}

// serve answers with the token on disk.
func serve(held record) (string, time.Time, error) {
	return held.token.Reveal(), held.expiresAt, nil
}

// instead answers with the token on disk in place of err, if it lives.
func instead(held record, err error) (string, time.Time, error) {
	if held.lives(time.Now()) {
		return serve(held)
	}
	return "", time.Time{}, err
}

// fetch asks the endpoint, and tells it which tokens were refused.
func (s *Source) fetch(ctx context.Context, held record) (string, time.Time, error) {
	if now := time.Now(); held.lives(now.Add(hurry)) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, hurry)
		defer cancel()
	}
	token, expiresAt, err := s.client(held.rejected).Token(ctx)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("%w; %s", err, s.remedy(ctx, err))
	}
	return token, expiresAt, nil
}

// client returns what asks the endpoint, and tells it which tokens were
// refused, by their digests.
func (s *Source) client(rejected []string) *tokenhttp.Client {
	return &tokenhttp.Client{
		URL: s.endpoint.URL, AllowHTTP: s.endpoint.AllowHTTP, Bearer: s.bearer,
		HTTPClient: &http.Client{Transport: rejecting{s.transport, rejected}},
		UserAgent:  self.UserAgent(),
	}
}

// remedy says what to make of err to somebody who can't look into the platform.
func (s *Source) remedy(ctx context.Context, err error) string {
	if tokenprovider.CodeOf(err) != tokenprovider.CodeUnauthenticated {
		return tokenprovider.CodeOf(err).Message()
	}
	if used, err := s.bearer.Current(ctx); err == nil && used.Expired(time.Now()) {
		return "the workspace's bearer expired at " + used.ExpiresAt.UTC().Format(time.RFC3339) +
			": it needs a new one from the platform"
	}
	return "the platform doesn't accept the workspace's bearer (401), " +
		"or its own key was refused (500)"
}

// Invalidate drops token if it is the one on disk, and keeps its digest, so
// that the next fetch tells the platform.
func (s *Source) Invalidate(token string) bool {
	if !matches(s.disk.load().token, token) {
		return false
	}
	unlock, locked := s.disk.lock(context.Background(), 2*hurry)
	if !locked {
		return false
	}
	defer unlock()
	held := s.disk.load()
	return matches(held.token, token) && s.disk.save(held.withRejected()) == nil
}

// RenewBearer does nothing: a bearer lives as long as its workspace.
func (s *Source) RenewBearer(context.Context) {}

// retryAt returns when a refresh that failed with err at now may be tried
// again, for whoever holds a token with that left.
func retryAt(err error, now time.Time, left time.Duration) time.Time {
	wait := min(backOff, max(left, 0)/4)
	if e, ok := errors.AsType[*tokenprovider.Error](err); ok {
		wait = min(max(wait, e.RetryAfter), backOffMax)
	}
	return now.Add(wait)
}
