package githubapp

import (
	"context"
	"errors"
	"fmt"
	"time"
	"weak"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// asked is what a token is asked for, beside the installation. It is immutable.
type asked struct {
	scope   Scope // canonical
	invalid error // why there can be no token, whatever GitHub says
}

// everything is asked of an installation that nobody narrowed.
var everything = new(asked)

// narrowed returns a narrowed by each of the scopes.
func (a *asked) narrowed(scopes ...Scope) *asked {
	for _, s := range scopes {
		if a.invalid != nil || s.narrowsNothing() {
			continue
		}
		err := s.validate()
		if err == nil {
			s, err = a.scope.narrow(s.canonical())
		}
		a = &asked{s, err}
	}
	return a
}

// installationKey is what tells one token of an app from another.
type installationKey struct {
	id    int64
	scope string
}

func (i *Installation) key() installationKey { return installationKey{i.id, i.asked.scope.key()} }

// subject returns what operators call an installation.
func subject(id int64) string { return fmt.Sprintf("installation %d", id) }

// installation returns the one Installation of that id, of what base asks for
// narrowed by the scopes. It has no cache yet: see ready.
func (a *App) installation(id int64, base *asked, scopes ...Scope) *Installation {
	draft := &Installation{app: a, id: id, asked: base.narrowed(scopes...)}
	if err := draft.invalid(); err != nil {
		return draft
	}
	key := draft.key()
	if known := a.known(key); known != nil {
		return known
	}
	draft.shared = a.newShared(draft)
	return a.adopt(key, draft)
}

// invalid returns why there can be no token of i, whatever GitHub says.
func (i *Installation) invalid() error {
	if i.id <= 0 {
		return errors.New("an id is a positive number; see the installation's settings page, or App.FindInstallation")
	}
	return i.asked.invalid
}

// ready returns i with its cache. That can't be made under the lock: the cache
// asks for its provider, which is i's.
func (i *Installation) ready() *Installation {
	if i.cache.Load() != nil {
		return i
	}
	if err := i.invalid(); err != nil {
		i.cache.Store(tokenprovider.NewCache(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			return "", time.Time{}, invalidRequest("installation %d: %w", i.id, err)
		}), nil))
		return i
	}
	i.cache.Store(i.app.caches.Get(i.key())) // the same one for whoever is at it too
	return i
}

func (a *App) known(key installationKey) *Installation {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.installations[key].Value()
}

// adopt makes draft the Installation of key, unless another call was first.
func (a *App) adopt(key installationKey, draft *Installation) *Installation {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := a.installations[key].Value(); i != nil {
		return i
	}
	if len(a.installations) >= a.sweepAt {
		a.sweepAt = sweep(a.installations, func(i weak.Pointer[Installation]) bool { return i.Value() == nil })
	}
	a.installations[key] = weak.Make(draft)
	return draft
}

// provider returns what the cache of key asks. The cache keeps the Installation
// that way, as long as it is kept itself.
func (a *App) provider(key installationKey) tokenprovider.TokenProvider {
	if i := a.known(key); i != nil {
		return (*source)(i)
	}
	return nil // nobody waits for this cache any more
}

// cached returns the Installations that have a cache and for which which returns
// true.
func (a *App) cached(which func(*Installation) bool) (all []*Installation) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, w := range a.installations {
		if i := w.Value(); i != nil && i.cache.Load() != nil && which(i) {
			all = append(all, i)
		}
	}
	return all
}

// died drops the tokens of the installation with that id, of each scope that is
// concerned, at any age; with nothing said of scopes, of all. What is found later
// in the Store or on record, and was minted before, isn't taken any more.
func (a *App) died(ctx context.Context, id int64, concerned ...func(Scope) bool) {
	dead := func(i *Installation) bool {
		return i.id == id && (len(concerned) == 0 || concerned[0](i.asked.scope))
	}
	a.facts.died(id)
	for _, i := range a.cached(dead) {
		i.cache.Load().Drop() // first, since the Store may take its time
	}
	for _, m := range a.workspaceMutators() {
		m.drop(dead)
	}
	for _, i := range a.cached(dead) {
		i.drop(ctx)
	}
}

// retry lets the next caller of the installation with that id try to mint,
// whatever failed before.
func (a *App) retry(id int64) {
	a.facts.clear(id)
	its := func(i *Installation) bool { return i.id == id }
	for _, i := range a.cached(its) {
		i.cache.Load().EndBackoff()
	}
	for _, m := range a.workspaceMutators() {
		m.retry(its)
	}
}

// workspaceMutators returns those of a that are in use.
func (a *App) workspaceMutators() (mutators []*WorkspaceMutator) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, w := range a.mutators {
		if m := w.Value(); m != nil {
			mutators = append(mutators, m)
		}
	}
	return mutators
}
