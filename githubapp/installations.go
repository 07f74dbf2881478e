package githubapp

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
	"weak"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// asked is what a token is asked for, beside the installation. It is immutable.
type asked struct {
	scope   Scope  // canonical
	owner   string // the WorkspaceMutator that alone may use the token, with Options.Store the workspace; "": everybody
	invalid error  // why there can be no token, whatever GitHub says
}

// everything is asked of an installation that nobody narrowed.
var everything = new(asked)

// narrowed is a narrowed by each of the scopes.
func (a *asked) narrowed(scopes ...Scope) *asked {
	for _, s := range scopes {
		if a.invalid != nil || s.narrowsNothing() {
			continue
		}
		err := s.validate()
		if err == nil {
			s, err = a.scope.narrow(s.canonical())
		}
		a = &asked{s, a.owner, err}
	}
	return a
}

// installationKey is what tells one cached token of an app from another. The app itself stands for the host and the
// issuer.
type installationKey struct {
	id    int64
	asked string
}

func (a *asked) key(id int64) installationKey {
	key := a.scope.key()
	if a.owner != "" {
		key = strconv.Quote(a.owner) + key // no scope's key begins with a quote
	}
	return installationKey{id, key}
}

// installation is the one Installation of that id, of what base asks for narrowed by the scopes.
func (a *App) installation(id int64, base *asked, scopes ...Scope) *Installation {
	i := &Installation{app: a, id: id, asked: base.narrowed(scopes...)}
	if err := i.invalid(); err != nil {
		i.cache.Store(tokenprovider.NewCache(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeInvalidRequest, Err: fmt.Errorf("githubapp: installation %d: %w", id, err)}
		}), nil))
		return i
	}
	key := i.asked.key(id)
	if known := a.known(key); known != nil {
		i = known
	} else {
		if a.replicas != nil {
			i.sharing = a.replicas.share(i)
		}
		i = a.adopt(key, i)
	}
	return i.open()
}

// invalid is why there can be no token of i, whatever GitHub says.
func (i *Installation) invalid() error {
	if i.id <= 0 {
		return errors.New("an id is a positive number; see the installation's settings page, or App.FindInstallation")
	}
	return i.asked.invalid
}

// open gives i its cache. That can't be done under the lock: the cache asks for its provider, which is i.
func (i *Installation) open() *Installation {
	if i.cache.Load() == nil {
		i.cache.Store(i.app.caches.Get(i.asked.key(i.id))) // the same one for whoever is at it too
	}
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
		for k, kept := range a.installations {
			if kept.Value() == nil {
				delete(a.installations, k)
			}
		}
		a.sweepAt = max(2*len(a.installations), 64)
	}
	a.installations[key] = weak.Make(draft)
	return draft
}

// provider is what the cache of key asks. The cache keeps the Installation that way, as long as it is kept itself.
func (a *App) provider(key installationKey) tokenprovider.TokenProvider {
	i := a.known(key)
	if i == nil {
		return nil // nobody waits for this cache any more
	}
	if i.sharing != nil {
		return i.sharing
	}
	return (*minter)(i)
}

// forget drops the tokens of the installation with that id, of each scope that is concerned, at any age, and all that
// are in the store. Other replicas hold theirs until they refresh them, or learn from GitHub that they are dead.
func (a *App) forget(ctx context.Context, id int64, concerned func(Scope) bool) {
	each := func(drop func(*Installation)) {
		for _, i := range a.kept() {
			if i.id == id && concerned(i.asked.scope) {
				drop(i)
			}
		}
	}
	held := func(i *Installation) { i.cache.Load().Drop() }
	each(held) // first, since the store may take its time
	if a.replicas == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storePatience)
	defer cancel()
	if a.replicas.outdate(ctx, id) == nil {
		each(held) // who came meanwhile may have the stored one
		return
	}
	each(func(i *Installation) { i.drop(ctx) }) // at least this replica takes none from the store any more
}

// retry lets the next caller of the installation with that id try to mint, whatever failed before.
func (a *App) retry(id int64) {
	for _, i := range a.kept() {
		if i.id == id {
			i.cache.Load().EndBackoff()
		}
	}
}

// anyScope is concerned by what ends a whole installation.
func anyScope(Scope) bool { return true }

// kept is every Installation that is in use or has a token.
func (a *App) kept() []*Installation {
	a.mu.RLock()
	kept := make([]*Installation, 0, len(a.installations))
	for _, w := range a.installations {
		if i := w.Value(); i != nil {
			kept = append(kept, i)
		}
	}
	a.mu.RUnlock()
	for _, i := range kept {
		i.open()
	}
	return kept
}
