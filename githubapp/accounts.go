package githubapp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/queue"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"golang.org/x/sync/singleflight"
)

const (
	// accountTTL is how long GitHub isn't asked again which installation is on an
	// account: as long as a token lives, so that lookups cost less than mints do.
	// One that is gone is forgotten earlier, by a webhook or by the first mint
	// that says so.
	accountTTL = tokenLife

	// repositoryTTL is that of a repository, which may move to another account
	// while both installations stay.
	repositoryTTL = 10 * time.Minute

	// staleWait is how long GitHub is waited for by those who can be given what
	// was found before.
	staleWait = 3 * time.Second

	// maxTargets bounds how many targets are remembered.
	maxTargets = 10_000

	// maxLookups is how many lookups may be under way.
	maxLookups = 16
)

// accounts are where the app is installed, and where it isn't. That an account
// has no installation is known of the account, whichever of its repositories was
// asked for. One lookup of a target is under way at a time, for all who wait.
type accounts struct {
	lookups *queue.Queue[string] // by account
	check   func() error         // why the app can't ask
	flights singleflight.Group   // of one target and count of changes each

	mu      sync.Mutex
	targets map[string]*target // by account or repository, in lower case
	changes uint64             // counts what forget was told: what was asked before may be outdated
}

// lookup asks GitHub which installation is on a target. With absent it says
// that the account has none.
type lookup func(ctx context.Context) (info *InstallationInfo, absent bool, err error)

// find returns what is known of a target of the account, or what ask says. What
// was found is served on while GitHub can't be asked.
func (a *accounts) find(ctx context.Context, account, name string, ask lookup) (*InstallationInfo, error) {
	account, name = strings.ToLower(account), strings.ToLower(name)
	info, changes, err := a.known(account, name)
	stale, patience := a.found(name)
	switch {
	case err != nil && stale != nil && !conclusive(err):
		return stale.clone(), nil
	case err != nil || info != nil:
		return info.clone(), err
	}
	flight := a.flights.DoChan(fmt.Sprint(changes, " ", name), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), queueTimeout)
		defer cancel()
		return a.ask(ctx, account, name, changes, ask)
	})
	var over <-chan time.Time
	if stale != nil {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case r := <-flight:
		if r.Err == nil {
			return r.Val.(*InstallationInfo).clone(), nil
		}
		if stale != nil && !conclusive(r.Err) {
			return stale.clone(), nil
		}
		return nil, r.Err
	case <-over:
		return stale.clone(), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("githubapp: find the installation on %s: %w", name, ctx.Err())
	}
}

// conclusive reports whether err is GitHub's own word about the target, rather than
// that it couldn't be asked, or a page of something in between.
func conclusive(err error) bool {
	answer, ok := errors.AsType[*APIError](err)
	return ok && answer.refusal().Gone()
}

// appWide reports whether err isn't about the target, so that the client holds it:
// GitHub can't be reached, or refuses the app.
func appWide(err error) bool {
	code := tokenprovider.CodeOf(err)
	if answer, ok := errors.AsType[*APIError](err); ok && answer.refusal().AboutTheApp() {
		return true
	}
	return code == tokenprovider.CodeUnavailable || code == tokenprovider.CodeRateLimited || code == tokenprovider.CodeUnauthenticated
}

// ask has GitHub asked when it is the account's turn, unless the answer came
// meanwhile.
func (a *accounts) ask(ctx context.Context, account, name string, changes uint64, ask lookup) (info *InstallationInfo, err error) {
	a.asks(name, time.Now())
	defer a.asks(name, time.Time{})
	explain := func(err error) error {
		return fmt.Errorf("githubapp: find the installation on %s: %w", name, err)
	}
	err = inTurn(ctx, a.lookups, account, false, func() (err error) {
		if info, _, err = a.known(account, name); err != nil || info != nil {
			return err
		}
		if err := a.check(); err != nil {
			return explain(err)
		}
		return nil
	}, explain, func() (err error) {
		if info != nil {
			return nil // another lookup of the account's brought it
		}
		var absent bool
		info, absent, err = ask(ctx)
		a.learn(account, name, changes, info, absent, err)
		return err
	})
	if err != nil {
		return nil, err
	}
	return info, nil
}
