package githubapp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/apiclient"
	"github.com/molecule-ai/provisionkit/githubapp/internal/queue"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// tokenLife is the longest that an installation's token lives.
const tokenLife = apiclient.TokenLife

// maxMint bounds the answer to a mint in bytes: it lists whole repositories.
const maxMint = 8 << 20

// turn waits for the turn of an installation in the queue of mints and calls do
// then, unless it is known meanwhile that GitHub would refuse. What nobody waits
// for goes last: a refresh ahead of expiry, or what a report of a refused token
// causes, as the old one is served meanwhile.
func (a *App) turn(ctx context.Context, id int64, s Scope, last bool, do func() error) error {
	explain := func(err error) error { return explainMint(id, s, err) }
	check := func() error {
		if err := a.facts.check(id, s); err != nil {
			return explain(a.lookAgain(err))
		}
		if err := published(a.client.Check()); err != nil {
			return explain(err)
		}
		return nil
	}
	return inTurn(ctx, a.mints, id, last, check, explain, do)
}

// lookAgain returns err, which is held, with a hint to look into the Store
// meanwhile: a replica that a webhook reached has a token sooner than this one
// asks GitHub again.
func (a *App) lookAgain(err error) error {
	held, ok := err.(*tokenprovider.Error)
	if !ok || a.store == nil || held.RetryAfter <= firstRefused {
		return err
	}
	return &tokenprovider.Error{Code: held.Code, RetryAfter: firstRefused, Err: held.Err}
}

// inTurn waits for the turn of key and calls do then, unless check says that it
// would fail; explain adds what was to be done to the error of a wait. What the
// app's rate limit refused waits for another turn, as long as check lets it: who
// can wait is served late rather than refused.
//
// The place in the queue is taken before anything is locked or looked up for do. A
// wait can be long, and what was looked up before it is old afterwards.
func inTurn[K comparable](ctx context.Context, q *queue.Queue[K], key K, last bool,
	check func() error, explain func(error) error, do func() error) error {
	for {
		if err := check(); err != nil {
			return err
		}
		leave, err := q.Enter(ctx, key, last)
		if err != nil {
			return explain(&tokenprovider.Error{Code: tokenprovider.CodeUnavailable, Err: err})
		}
		if err = check(); err == nil {
			err = do()
		}
		leave(err == nil)
		if tokenprovider.CodeOf(err) != tokenprovider.CodeRateLimited {
			return err
		}
	}
}

// token is one that was minted.
type token struct {
	text      string
	expiresAt time.Time
	grant     *grant
}

// mint mints a token: POST /app/installations/{id}/access_tokens. What a refusal
// says is kept at what it is about.
func (a *App) mint(ctx context.Context, id int64, s Scope) (token, error) {
	body, err := s.body()
	if err != nil {
		return token{}, internal(err)
	}
	got, err := a.client.Do(ctx, apiclient.Request{
		Method: http.MethodPost,
		Path:   fmt.Sprintf("/app/installations/%d/access_tokens", id),
		Body:   body,
		Want:   http.StatusCreated,
		Limit:  maxMint,
	})
	if err != nil {
		return token{}, explainMint(id, s, a.learn(ctx, id, s, err))
	}
	answer, expiresAt, err := parseMinted(got.Body)
	if err == nil {
		err = answer.verify(s)
	}
	if err == nil && !expiresAt.After(a.client.Now()) {
		err = fmt.Errorf("the token expired at %s, before it came", expiresAt.Format(time.RFC3339))
		// If it lives by the answer's own time, GitHub's clock was set back
		// meanwhile. By how much the next request learns, whose JWT is refused.
		if date, failed := http.ParseTime(got.Header.Get("Date")); failed == nil && expiresAt.After(date) {
			return token{}, explainMint(id, s, &tokenprovider.Error{Code: tokenprovider.CodeUnavailable, Err: err})
		}
	}
	if err != nil {
		err = internal(err)
		_, _, scope := about(s)
		a.facts.hold(id, scope, err)
		return token{}, explainMint(id, s, err)
	}
	a.facts.clear(id, s)
	t := token{answer.Token, a.client.Local(expiresAt, got), answer.grant(s)}
	if a.log.Enabled(ctx, slog.LevelInfo) {
		a.log.Info("installation token minted",
			"app", a.name, "installation", id, "scope", s.String(),
			"expires_at", t.expiresAt, "token_sha256", tokenprovider.TokenSHA256(t.text))
	}
	return t, nil
}

// learn keeps what the error of a mint says at what it is about, and returns the
// error to tell. What it says of the app as a whole the client keeps.
//
// Nothing is taken for dead on one answer: GitHub answers 404 and 410 in other
// cases too, so the installation itself is looked at before what is held goes.
func (a *App) learn(ctx context.Context, id int64, s Scope, err error) error {
	failure, ok := errors.AsType[*apiclient.Error](err)
	if !ok {
		return err // no JWT could be signed
	}
	if failure.Secondary && !failure.Held {
		a.mints.Limited(failure.RetryAfter)
	}
	refusal := failure.Refusal
	if refusal == nil {
		refusal = &apiclient.Refusal{}
	}
	err = published(err)
	installation, permissions, scope := about(s)
	switch {
	case refusal.AboutTheApp():
	case refusal.Suspended():
		a.died(ctx, id)
		a.facts.hold(id, installation, err)
	case refusal.Gone():
		err = a.look(ctx, id, err)
		a.facts.hold(id, installation, err)
	case refusal.NotGranted():
		a.facts.hold(id, permissions, err)
	case refusal.Status == http.StatusUnprocessableEntity:
		a.facts.hold(id, scope, err)
	case failure.Code != tokenprovider.CodeUnavailable && failure.Code != tokenprovider.CodeRateLimited:
		a.facts.hold(id, installation, err) // what stands in between doesn't look at the scope
	}
	return err
}

// look finds out what is behind a mint that GitHub answered with 404 or 410, and
// returns the error to tell.
func (a *App) look(ctx context.Context, id int64, minted error) error {
	info, err := a.lookupInstallation(ctx, fmt.Sprintf("/app/installations/%d", id))
	answer, refused := errors.AsType[*APIError](err)
	switch {
	case refused && answer.refusal().Gone():
		a.died(ctx, id)
		a.accounts.forget(id, "")
		return minted
	case err != nil:
		return &tokenprovider.Error{Code: tokenprovider.CodeUnavailable,
			Err: fmt.Errorf("%w; whether the installation is gone couldn't be found out: %w", detail(minted), detail(err))}
	case !info.SuspendedAt.IsZero():
		a.died(ctx, id)
		return &tokenprovider.Error{Code: tokenprovider.CodeForbidden,
			Err: fmt.Errorf("%w; the installation was suspended at %s", detail(minted), info.SuspendedAt.UTC().Format(time.RFC3339))}
	}
	return &tokenprovider.Error{Code: tokenprovider.CodeUnavailable,
		Err: fmt.Errorf("%w; but the installation is there and not suspended", detail(minted))}
}

// detail returns err without its code, for the text of another one.
func detail(err error) error {
	if e, ok := err.(*tokenprovider.Error); ok && e.Err != nil {
		return e.Err
	}
	return err
}

// invalidRequest returns an error of CodeInvalidRequest.
func invalidRequest(format string, args ...any) error {
	return &tokenprovider.Error{
		Code: tokenprovider.CodeInvalidRequest,
		Err:  fmt.Errorf("githubapp: "+format, args...),
	}
}

// internal returns err as one of CodeInternal.
func internal(err error) error {
	return &tokenprovider.Error{Code: tokenprovider.CodeInternal, Err: err}
}

// explainMint returns err with what was asked for. Its code and a hint when to
// try again stay.
func explainMint(id int64, s Scope, err error) error {
	return &tokenprovider.Error{
		Code:       tokenprovider.CodeOf(err),
		RetryAfter: tokenprovider.RetryAfter(err),
		Err:        fmt.Errorf("githubapp: mint a token of installation %d (%s): %w", id, s, detail(err)),
	}
}
