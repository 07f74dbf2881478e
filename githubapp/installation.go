package githubapp

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Installation is the provider of one installation's token, of one scope. Get it from [App.Installation] and keep it:
// its cached read needs no lookup, no lock and no allocation. All methods are safe for concurrent use.
type Installation struct {
	app     *App
	id      int64
	scope   Scope             // canonical
	owner   *WorkspaceMutator // the only user of the token; nil: everybody
	invalid error             // why there can be no token, whatever GitHub says
	opened  sync.Once
	cache   *tokenprovider.Cache // set by open
	granted atomic.Pointer[grant]
}

var (
	_ tokenprovider.TokenProvider  = (*Installation)(nil)
	_ tokenprovider.Invalidator    = (*Installation)(nil)
	_ tokenprovider.StatusReporter = (*Installation)(nil)
)

// installationKey is what tells one cached token of an app from another. The app itself stands for the host and the
// issuer.
type installationKey struct {
	id    int64
	scope string // of Scope.key
	owner *WorkspaceMutator
}

// Installation is the installation with that id, narrowed by each scope in turn; without one it is everything that the
// installation has. The same id and scope give the same *Installation. It makes no request. An id of zero or less and
// a scope that can't be are errors of CodeInvalidRequest at Token.
func (a *App) Installation(id int64, scope ...Scope) *Installation {
	return a.draft(id).narrowed(scope...)
}

// draft is an Installation of everything, for narrowed to make the one of its kind.
func (a *App) draft(id int64) *Installation {
	i := &Installation{app: a, id: id}
	if id <= 0 {
		i.invalid = fmt.Errorf("installation id %d: an id is a positive number; see the installation's settings page, or App.FindInstallation", id)
	}
	return i
}

// Scoped is the same installation with its scope narrowed by s. What s asks for beyond it is an error at Token.
func (i *Installation) Scoped(s Scope) *Installation {
	return (&Installation{app: i.app, id: i.id, scope: i.scope, owner: i.owner, invalid: i.invalid}).narrowed(s)
}

// narrowed is the one Installation of i's id and i's scope narrowed by the scopes. i is a draft that nobody else has.
func (i *Installation) narrowed(scopes ...Scope) *Installation {
	for _, s := range scopes {
		if i.invalid != nil {
			break
		}
		err := s.validate()
		if err == nil {
			i.scope, err = i.scope.narrow(s.canonical())
		}
		if err != nil {
			i.invalid = fmt.Errorf("installation %d: %w", i.id, err)
		}
	}
	if i.invalid != nil {
		i.cache = tokenprovider.NewCache(tokenprovider.Func(i.refuse), nil)
		return i
	}
	return i.app.installation(i.key(), i)
}

func (i *Installation) refuse(context.Context) (string, time.Time, error) {
	return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeInvalidRequest, Err: fmt.Errorf("githubapp: %w", i.invalid)}
}

// installation is the one Installation of key: draft, unless there is one.
func (a *App) installation(key installationKey, draft *Installation) *Installation {
	i := a.known(key)
	if i == nil {
		i = a.adopt(key, draft)
	}
	return i.open()
}

// open gives i its cache, once. That can't be done under the lock: the cache asks for its provider, which is i.
func (i *Installation) open() *Installation {
	i.opened.Do(func() { i.cache = i.app.caches.Get(i.key()) })
	return i
}

func (i *Installation) key() installationKey { return installationKey{i.id, i.scope.key(), i.owner} }

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
	return (*minter)(i)
}

// forget drops every token of the installation with that id, at any age.
func (a *App) forget(id int64) {
	for _, i := range a.kept() {
		if i.id == id {
			i.cache.Drop()
		}
	}
}

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

// Token is a live token and when it expires by this machine's clock; see [tokenprovider.Cache.Token]. The error is a
// [*tokenprovider.Error]: forbidden when the installation is suspended or a permission isn't granted, not_found when it
// is unknown or removed, unauthenticated when the app's key or clock is refused, rate_limited, unavailable,
// invalid_request for a scope that GitHub refuses, internal for an answer that can't be.
func (i *Installation) Token(ctx context.Context) (string, time.Time, error) {
	return i.cache.Token(ctx)
}

// Invalidate drops token if it is the one held and no longer seconds old; see [tokenprovider.Cache.Invalidate].
func (i *Installation) Invalidate(token string) bool { return i.cache.Invalidate(token) }

// Status is a snapshot for operators. Its Name is that of the installation.
func (i *Installation) Status() tokenprovider.Status {
	s := i.cache.Status()
	s.Name = i.name()
	return s
}

// name is what operators see: the cache's name, if it has one, and the installation.
func (i *Installation) name() string {
	name := fmt.Sprintf("installation %d", i.id)
	if i.app.cacheName != "" {
		name = i.app.cacheName + ", " + name
	}
	return name
}

// Granted is what GitHub granted to the latest token that was minted here; false before there is one. Nil Repositories
// and RepositoryIDs are all repositories of the installation, nil Permissions say that GitHub didn't tell.
func (i *Installation) Granted() (Scope, bool) {
	g := i.granted.Load()
	if g == nil {
		return Scope{}, false
	}
	return g.scope(), true
}

// Require mints a token, if none is held, and is an error of CodeForbidden that names each of the permissions that isn't
// granted; write includes read, and admin both. Call it at boot: an app that lacks workflows: write works until
// someone pushes a workflow.
func (i *Installation) Require(ctx context.Context, permissions map[string]string) error {
	if _, _, err := i.Token(ctx); err != nil {
		return err
	}
	granted, _ := i.Granted()
	lacking := lackingPermissions(granted.Permissions, permissions)
	if lacking == "" {
		return nil
	}
	return &tokenprovider.Error{Code: tokenprovider.CodeForbidden, Err: fmt.Errorf("githubapp: installation %d isn't granted %s; "+
		"grant them in the app's settings, and have an owner of the account accept them", i.id, lacking)}
}

// String shows which installation i is, and its scope.
func (i *Installation) String() string {
	return fmt.Sprintf("githubapp.Installation(%d: %s)", i.id, i.scope)
}

// Format prints [Installation.String] under every verb.
func (i *Installation) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, i.String()) }
