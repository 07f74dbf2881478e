package githubapp

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/queue"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"golang.org/x/sync/singleflight"
)

const (
	// foundTTL is how long GitHub isn't asked again where an installation is. One
	// that is gone is forgotten earlier, by a webhook or by the first mint that
	// says so.
	foundTTL = 10 * time.Minute

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

// target is what is known of an account or a repository.
type target struct {
	info    *InstallationInfo // nil: not found yet
	foundAt time.Time         // wall time
	askedAt time.Time         // since when a lookup is under way; zero: none is
	refused refusal           // there is none
}

// fresh reports whether GitHub needn't be asked.
func (t *target) fresh() bool {
	age := time.Since(t.foundAt)
	return t.info != nil && age >= 0 && age < foundTTL // less when the clock was set back
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
		return a.ask(context.WithoutCancel(ctx), account, name, changes, ask)
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

// conclusive reports whether err is GitHub's word about the target, rather than
// that it couldn't be asked.
func conclusive(err error) bool { return tokenprovider.CodeOf(err) == tokenprovider.CodeNotFound }

// appWide reports whether err isn't about the target, so that the client holds it:
// GitHub can't be reached, or refuses the app.
func appWide(err error) bool {
	code := tokenprovider.CodeOf(err)
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

// learn remembers what GitHub said of a target, unless there were changes since it
// was asked.
func (a *accounts) learn(account, name string, changes uint64, info *InstallationInfo, absent bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.changes != changes:
	case err == nil:
		t := a.target(name)
		t.info, t.foundAt = info, time.Now().Round(0)
		t.refused.clear()
		a.target(account).refused.clear()
	case conclusive(err) && absent:
		a.target(account).info = nil
		a.target(account).refused.hold(err)
	case conclusive(err):
		a.target(name).info = nil
		a.target(name).refused.hold(err)
	case !appWide(err):
		a.target(name).refused.hold(err)
	}
}

// known returns what GitHub said of a target, or that it isn't to be asked yet,
// and after how many changes; nil and nil when it is to be asked.
func (a *accounts) known(account, name string) (*InstallationInfo, uint64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.targets[name]
	if t != nil && t.fresh() {
		return t.info, a.changes, nil
	}
	for _, name := range []string{account, name} {
		if t := a.targets[name]; t != nil {
			if err := t.refused.check(); err != nil {
				return nil, a.changes, err
			}
		}
	}
	return nil, a.changes, nil
}

// found returns what was found of a target, however long ago, and for how long
// those who get it wait for a lookup that may be under way; nil for nothing.
func (a *accounts) found(name string) (*InstallationInfo, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.targets[name]
	if t == nil {
		return nil, 0
	}
	if t.askedAt.IsZero() {
		return t.info, staleWait
	}
	return t.info, staleWait - time.Since(t.askedAt)
}

// asks notes that a lookup of a target that was found before is under way since
// then, or with the zero time that none is.
func (a *accounts) asks(name string, since time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.targets[name]; t != nil {
		t.askedAt = since
	}
}

// lacked reports whether the account had no installation when it was asked for
// last.
func (a *accounts) lacked(account string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.targets[strings.ToLower(account)]
	return t != nil && t.refused.known()
}

// target returns what is known of a target, to be changed. a.mu is held.
func (a *accounts) target(name string) *target {
	if t := a.targets[name]; t != nil {
		return t
	}
	if len(a.targets) >= maxTargets {
		maps.DeleteFunc(a.targets, func(_ string, t *target) bool { return !t.fresh() && t.refused.old() })
	}
	if a.targets == nil || len(a.targets) >= maxTargets {
		a.targets = make(map[string]*target)
	}
	t := &target{}
	a.targets[name] = t
	return t
}

// forget drops what is remembered about an installation, about its account and
// the account's repositories, and which targets weren't found.
func (a *accounts) forget(id int64, account string) {
	account = strings.ToLower(account)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changes++
	maps.DeleteFunc(a.targets, func(name string, t *target) bool {
		owner, _, _ := strings.Cut(name, "/")
		return t.info == nil || t.info.ID == id || account != "" && (owner == account || name == enterprises+account)
	})
}

// holds returns what isn't asked for, and until when.
func (a *accounts) holds() (holds []tokenprovider.Hold) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, t := range a.targets {
		if until, err := t.refused.held(); err != nil {
			holds = append(holds, tokenprovider.Hold{Subject: name, Code: tokenprovider.CodeOf(err), Until: until})
		}
	}
	return holds
}
