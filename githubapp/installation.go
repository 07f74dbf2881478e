package githubapp

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Installation is the provider of one installation's token, of one scope. Get
// it from [App.Installation] and keep it: its cached read needs no lookup, no
// lock and no allocation. All methods are safe for concurrent use.
type Installation struct {
	app     *App
	id      int64
	asked   *asked
	shared  *shared                             // with Options.Store; else nil
	cache   atomic.Pointer[tokenprovider.Cache] // set before anyone outside has the Installation
	granted atomic.Pointer[grant]
	latest  atomic.Uint64 // shortHash of the token that the cache got last
}

var (
	_ tokenprovider.TokenProvider  = (*Installation)(nil)
	_ tokenprovider.Invalidator    = (*Installation)(nil)
	_ tokenprovider.StatusReporter = (*Installation)(nil)
)

// Installation returns the installation with that id, narrowed by each scope in
// turn; without one its token may do all that the installation may. The same id
// and scope give the same *Installation. It makes no request. With an id of
// zero or less, or a malformed scope, [Installation.Token] is an error of
// CodeInvalidRequest.
func (a *App) Installation(id int64, scope ...Scope) *Installation {
	return a.installation(id, everything, scope...).ready()
}

// Scoped returns the same installation with its scope narrowed by s. If s asks
// for more than that scope has, [Installation.Token] is an error.
func (i *Installation) Scoped(s Scope) *Installation {
	return i.app.installation(i.id, i.asked, s).ready()
}

// Token returns a live token and when it expires by this machine's clock; see
// [tokenprovider.Cache.Token].
//
// The error is a [*tokenprovider.Error], or ctx's own. Its code is forbidden
// when the installation is suspended or a permission isn't granted, not_found
// when it is unknown or removed, unauthenticated when the app's key or clock is
// refused, rate_limited, unavailable, invalid_request for a scope that GitHub
// refuses, and internal for an answer that isn't GitHub's documented one.
func (i *Installation) Token(ctx context.Context) (string, time.Time, error) {
	return i.cache.Load().Token(ctx)
}

// Invalidate reports that token was refused: it is replaced, if it is the one
// that is held and the report is believed; see
// [tokenprovider.Cache.Invalidate]. One that another replica revoked is dropped.
func (i *Installation) Invalidate(token string) bool {
	if i.holds(token) && i.dropRevoked(context.Background()) {
		return true
	}
	return i.cache.Load().Invalidate(token)
}

// Status returns a snapshot for operators. Its Name is that of the
// installation.
func (i *Installation) Status() tokenprovider.Status {
	s := i.cache.Load().Status()
	s.Name = i.name()
	return s
}

// name returns what operators see: the cache's name, if it has one, and the
// installation.
func (i *Installation) name() string {
	name := subject(i.id)
	if i.app.timing.Name != "" {
		name = i.app.timing.Name + ", " + name
	}
	return name
}

// Granted returns what GitHub granted to the latest token that was minted here,
// and false before there is one. Nil Repositories and RepositoryIDs are all
// repositories of the installation; nil Permissions mean that GitHub didn't
// tell.
func (i *Installation) Granted() (Scope, bool) {
	g := i.granted.Load()
	if g == nil {
		return Scope{}, false
	}
	return g.scope(), true
}

// Require mints a token, if none is held, and returns an error of CodeForbidden
// that names each of the permissions that isn't granted; write includes read,
// and admin both. Call it at boot: an app that lacks workflows: write works
// until someone pushes a workflow.
func (i *Installation) Require(ctx context.Context, permissions map[string]string) error {
	if _, _, err := i.Token(ctx); err != nil {
		return err
	}
	granted, err := i.permissions(ctx)
	if err != nil {
		return err
	}
	lacking := lackingPermissions(granted, permissions)
	if lacking == "" {
		return nil
	}
	return &tokenprovider.Error{Code: tokenprovider.CodeForbidden, Err: fmt.Errorf(
		"githubapp: installation %d isn't granted %s; grant them in the app's settings, "+
			"and have an owner of the account accept them", i.id, lacking)}
}

// permissions returns those of the latest token that was minted here. When
// another replica minted the one that is held, GitHub is asked what the
// installation has.
func (i *Installation) permissions(ctx context.Context) (map[string]string, error) {
	if granted, ok := i.Granted(); ok {
		return granted.Permissions, nil
	}
	if asked := i.asked.scope.Permissions; asked != nil {
		return asked, nil // GitHub grants all that is asked for, or nothing
	}
	info, err := i.app.lookupInstallation(ctx, fmt.Sprintf("/app/installations/%d", i.id))
	if err != nil {
		return nil, explainMint(i.id, i.asked.scope, err)
	}
	return info.Permissions, nil
}

// String returns which installation i is, and its scope.
func (i *Installation) String() string {
	return fmt.Sprintf("githubapp.Installation(%d: %s)", i.id, i.asked.scope)
}

// Format prints [Installation.String] under every verb.
func (i *Installation) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, i.String()) }
