package githubapp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Repositories returns a [ScopePolicy] for platforms that know which
// repositories a workspace may use, of any number of owners. allowed returns
// them, each "owner/name", from the platform's own records. permissions narrow
// each token; nil are all that the installation has.
//
// A token is for the allowed repositories of one owner. If the request names a
// repository ([tokenprovider.Repository] of ctx), that has to be allowed, and
// its owner is meant. If the request names an owner, one of the owner's
// repositories has to be allowed. If it names nothing, the owner of the first
// allowed repository is meant.
//
// For what isn't allowed the error is of CodeForbidden, and GitHub isn't asked.
// For an owner that hasn't installed the app it is of CodeNotFound. allowed is
// called for each token and must be safe for concurrent use. If it returns an
// error, an empty list or a malformed name, there is no token.
//
// Keep the names in the list up to date. If one of an owner's repositories was
// renamed, moved or deleted, the first call for that owner fails with
// CodeInvalidRequest (a renamed one may cost a second such call where the
// request names none). After that each token is for one repository alone: the
// one named, or the first that exists. For a repository that moved the error is
// of CodeNotFound and says where it is now. Nobody gets a token for the
// repository that an old name redirects to, since it isn't on the list.
//
// Whoever may use a repository may use its wiki (name.wiki).
func Repositories(a *App, allowed func(ctx context.Context, workspaceID string) ([]string, error),
	permissions map[string]string) (ScopePolicy, error) {
	switch {
	case a == nil:
		return nil, errors.New("githubapp: Repositories: the App is nil; make it with New")
	case allowed == nil:
		return nil, errors.New("githubapp: Repositories: allowed is nil; it says what each workspace may have")
	}
	permissions = maps.Clone(permissions)
	if err := (Scope{Permissions: permissions}).validate(); err != nil {
		return nil, fmt.Errorf("githubapp: Repositories: %w", err)
	}
	return func(ctx context.Context, workspaceID string) (int64, Scope, error) {
		list, err := allowed(ctx, workspaceID)
		if err != nil {
			return 0, Scope{}, err
		}
		c, err := choose(list, tokenprovider.Repository(ctx))
		if err != nil {
			return 0, Scope{}, err
		}
		info, err := a.FindInstallation(ctx, c.owner)
		if err != nil {
			return 0, Scope{}, err
		}
		if !strings.EqualFold(info.Account, c.owner) {
			return 0, Scope{}, moved(c.owner, info.Account)
		}
		scope := Scope{Repositories: c.names, Permissions: maps.Clone(permissions)}
		if !a.facts.wrongScope(info.ID, scope.canonical()) {
			return info.ID, scope, nil
		}
		scope.Repositories, err = a.living(ctx, c, info.ID, permissions)
		return info.ID, scope, err
	}, nil
}

// living returns the one repository that a token is for where GitHub doesn't know
// them all: the one that was asked for, or the first that is there under its
// name.
func (a *App) living(ctx context.Context, c choice, id int64, permissions map[string]string) (one []string, err error) {
	if c.asked != "" {
		return []string{c.asked}, a.lives(ctx, c.owner+"/"+c.asked, id)
	}
	for _, name := range c.names {
		one = []string{name}
		if a.facts.wrongScope(id, Scope{Repositories: one, Permissions: permissions}.canonical()) {
			continue
		}
		err = a.lives(ctx, c.owner+"/"+name, id)
		if tokenprovider.CodeOf(err) != tokenprovider.CodeNotFound { // nil among them
			break
		}
	}
	return one, err
}

// choice is what a token is for.
type choice struct {
	owner string
	names []string // of the owner's repositories, those that are allowed
	asked string   // the one that the request names; "": none
}

// choose returns what of the list a token for the repository asked is for.
func choose(list []string, asked string) (c choice, err error) {
	owner, name, named := strings.Cut(strings.TrimSuffix(asked, ".wiki"), "/")
	for _, entry := range list {
		full, ok := wire.Repository(entry)
		of, repository, isRepository := strings.Cut(full, "/")
		if !ok || !isRepository {
			return choice{}, internal(fmt.Errorf("githubapp: Repositories: the list of allowed repositories holds %q, "+
				"which isn't an owner/name", entry))
		}
		if asked == "" && c.owner == "" || of == owner && asked != "" && (!named || repository == name) {
			c.owner, c.asked = of, name
		}
	}
	switch {
	case len(list) == 0:
		return choice{}, notAllowed("the list of the workspace's repositories is empty")
	case c.owner == "":
		return choice{}, notAllowed("%q isn't among the workspace's repositories", asked)
	}
	for _, entry := range list {
		full, _ := wire.Repository(entry)
		if repository, ok := strings.CutPrefix(full, c.owner+"/"); ok {
			c.names = append(c.names, repository)
		}
	}
	return c, nil
}

func notAllowed(format string, args ...any) error {
	return &tokenprovider.Error{
		Code: tokenprovider.CodeForbidden, Err: fmt.Errorf("githubapp: Repositories: "+format, args...),
	}
}

// lives returns an error when the repository isn't in the installation with that
// id any more.
func (a *App) lives(ctx context.Context, repository string, id int64) error {
	info, err := a.FindInstallation(ctx, repository)
	if err != nil || info.ID == id {
		return err
	}
	return moved(repository, info.Account)
}

func moved(name, to string) error {
	return &tokenprovider.Error{Code: tokenprovider.CodeNotFound, Err: fmt.Errorf(
		"githubapp: Repositories: %s has moved to %s: name it so in the list of allowed repositories", name, to)}
}
