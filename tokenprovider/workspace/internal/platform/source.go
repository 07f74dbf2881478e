// Package platform is the workspace's way to its platform: the endpoint that
// hands out tokens, and the bearer that the workspace authenticates with.
// Nothing is kept between the runs of the command.
package platform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/self"
)

// bearerAway is how long the bearer's file may be away.
const bearerAway = time.Second

// Source is the token of this workspace: the platform's endpoint has it, and is
// asked at each call. It may be used by several goroutines.
type Source struct {
	client   *tokenhttp.Client
	bearer   Bearer
	patience time.Duration // how long a platform that isn't there is asked again; 0: once
	misread  string        // the variable for a proxy that can't be read; "": none
}

var _ interface {
	tokenprovider.TokenProvider
	tokenprovider.Invalidator
} = (*Source)(nil)

// Open returns the source that the environment configures. Nothing is asked
// yet.
func Open(getenv func(string) string) (*Source, error) {
	e, err := config.ReadEndpoint(getenv)
	if err != nil {
		return nil, err
	}
	bearer, misread := NewBearer(e), ""
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		if value := getenv(name); value != "" && wire.ProxyHost(value) == "" {
			misread = name
		}
	}
	return &Source{
		bearer: bearer, patience: e.Retry, misread: misread,
		client: &tokenhttp.Client{
			URL: e.URL, AllowHTTP: e.AllowHTTP, Bearer: bearer, UserAgent: self.UserAgent(),
			// Each call is bounded by its ctx, and waits longer than a client
			// does by itself.
			HTTPClient: &http.Client{Transport: newTransport(), Timeout: process.Timeout},
		},
	}, nil
}

// newTransport returns a transport for a process of few requests. Each has a
// connection of its own: one that hangs must not hold up the next.
func newTransport() *http.Transport {
	transport := wire.NewTransport()
	transport.DisableKeepAlives = true
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	return transport
}

// Once returns s without its patience: the platform is asked once.
func (s *Source) Once() *Source {
	once := *s
	once.patience = 0
	return &once
}

// Fresh returns a token to hand on, with as much of its life left as git gets.
func (s *Source) Fresh(ctx context.Context) (string, time.Time, error) {
	return s.Token(tokenprovider.WithMinTTL(ctx, gitcredential.DefaultMinTTL))
}

// Token asks the platform, and where that isn't there asks again for as long as
// the workspace has patience.
func (s *Source) Token(ctx context.Context) (string, time.Time, error) {
	if err := s.awaitBearer(ctx); err != nil { // there is nothing to ask with
		if errors.Is(err, tokenprovider.ErrNotConfigured) { // of the bearer, and not of all
			err = &tokenprovider.Error{Code: tokenprovider.CodeUnauthenticated, Err: errors.New(err.Error())}
		}
		return "", time.Time{}, err
	}
	a := s.ask(ctx)
	if a.err != nil {
		return "", time.Time{}, fmt.Errorf("%w; %s", a.err, s.remedy(ctx, a.err))
	}
	return a.token, a.expiresAt, nil
}

// Username returns the user name that goes with the last token, "" before one.
func (s *Source) Username() string { return s.client.Username() }

// awaitBearer returns why there is no bearer. One whose file is empty or away
// may be written or mounted anew this very moment: it is looked for again.
func (s *Source) awaitBearer(ctx context.Context) error {
	for began := time.Now(); ; {
		_, _, err := s.bearer.Token(ctx)
		if !errors.Is(err, tokenprovider.ErrNotConfigured) || time.Since(began) >= min(s.patience, bearerAway) {
			return err
		}
		select {
		case <-time.After(bearerAway / 10):
		case <-ctx.Done():
			return err
		}
	}
}

// Invalidate notes that token was refused: the next call of Token tells the
// platform.
func (s *Source) Invalidate(token string) bool { return s.client.Invalidate(token) }

// remedy says what to make of err to somebody who can't look into the platform.
func (s *Source) remedy(ctx context.Context, err error) string {
	code := tokenprovider.CodeOf(err)
	answered, isAnswer := errors.AsType[*wire.StatusError](err)
	proxy, isProxy := errors.AsType[*wire.ProxyRefusal](err)
	aboutRepository := wire.NoRepositoryToken(string(code), tokenprovider.Repository(ctx))
	if code == tokenprovider.CodeUnauthenticated && !(isAnswer && answered.Status == http.StatusInternalServerError) {
		if used, err := s.bearer.Credential(ctx); err == nil && used.Expired(time.Now()) {
			return "the workspace's bearer expired at " + used.ExpiresAt.UTC().Format(time.RFC3339) +
				": it needs a new one from the platform"
		}
	}
	switch {
	case isProxy && proxy.Status == http.StatusProxyAuthRequired:
		return "HTTPS_PROXY has to hold its user name and password"
	case isProxy && proxy.Status < http.StatusInternalServerError:
		return "whoever runs it has to let this workspace through to the platform"
	case !isAnswer && !isProxy && code == tokenprovider.CodeUnavailable && s.misread != "":
		return s.misread + " isn't the URL of a proxy: correct it"
	case isAnswer && answered.Status < http.StatusInternalServerError &&
		(code == tokenprovider.CodeUnavailable || !answered.JSON):
		return "that isn't the platform's token endpoint: " + wire.EnvURL + " may be wrong, or something stands before it"
	case isAnswer && answered.Status == http.StatusInternalServerError && aboutRepository != "":
		return aboutRepository
	case code != tokenprovider.CodeUnauthenticated, isAnswer && answered.Status == http.StatusInternalServerError:
		return code.Message()
	case !isAnswer: // nothing was asked
		return "correct " + wire.EnvBearer + ", or what " + wire.EnvBearerFile + " names"
	}
	return "the platform doesn't accept the workspace's bearer"
}
