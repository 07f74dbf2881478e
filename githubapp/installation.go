package githubapp

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Installation is a [tokenprovider.TokenProvider] of one installation's tokens,
// with one scope. Get it from [App.Installation] and keep it: a cached read
// then needs no lookup, no lock and no allocation. All methods are safe for
// concurrent use.
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
// turn. Without a scope its token may do all that the installation may. The
// same id and scope give the same *Installation. It makes no request. With an
// id of zero or less, or a malformed scope, [Installation.Token] returns an
// error of CodeInvalidRequest.
func (a *App) Installation(id int64, scope ...Scope) *Installation {
	return a.installation(id, everything, scope...).ready()
}

// Scoped returns the same installation with i's scope narrowed by s. If s asks
// for more than i's scope has, [Installation.Token] returns an error.
func (i *Installation) Scoped(s Scope) *Installation {
	return i.app.installation(i.id, i.asked, s).ready()
}

// Token returns a live token and when it expires by this machine's clock; see
// [tokenprovider.Cache.Token].
//
// The error is a [*tokenprovider.Error] or ctx's. Its code is CodeForbidden if
// the installation is suspended or a permission isn't granted, CodeNotFound if
// the installation is unknown or was removed, CodeUnauthenticated if GitHub
// refuses the app's key or clock, CodeInvalidRequest if the scope is malformed
// or GitHub refuses it, CodeRateLimited, CodeUnavailable if GitHub can't be
// reached, or CodeInternal if its answer isn't the documented one.
func (i *Installation) Token(ctx context.Context) (string, time.Time, error) {
	return i.cache.Load().Token(ctx)
}

// Invalidate takes a report that token was refused, and returns whether it is
// believed; see [tokenprovider.Cache.Invalidate]. A token that another replica
// revoked is dropped.
func (i *Installation) Invalidate(token string) bool {
	if i.holds(token) && i.dropRevoked(context.Background()) {
		return true
	}
	return i.cache.Load().Invalidate(token)
}

// Status returns a snapshot for operators, whose Name names the installation.
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

// Granted returns the scope that GitHub granted to the last token that this
// process minted; false before the first one. If Repositories and RepositoryIDs
// are nil, it is for all repositories of the installation. If Permissions is
// nil, GitHub didn't say.
func (i *Installation) Granted() (Scope, bool) {
	g := i.granted.Load()
	if g == nil {
		return Scope{}, false
	}
	return g.scope(), true
}

// Require mints a token, if none is held, and returns an error of CodeForbidden
// that names each of permissions that wasn't granted; nil if all were. write
// includes read, and admin includes both. Call it at boot: an app without
// workflows: write would work until someone pushes a workflow.
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

// String returns the installation's id and scope as text.
func (i *Installation) String() string {
	return fmt.Sprintf("githubapp.Installation(%d: %s)", i.id, i.asked.scope)
}

// Format prints [Installation.String] under every verb.
func (i *Installation) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, i.String()) }
