package githubapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/apiclient"
)

// InstallationInfo is what GitHub says about an installation.
type InstallationInfo struct {
	ID                  int64
	Account             string            // login, or slug of an enterprise; "" when GitHub names none
	AccountType         string            // Organization, User or Enterprise
	RepositorySelection string            // all or selected
	Permissions         map[string]string // granted by the account: name to read, write or admin
	SuspendedAt         time.Time         // zero: not suspended
}

// clone returns a copy that shares no memory with i, nil for nil.
func (i *InstallationInfo) clone() *InstallationInfo {
	if i == nil {
		return nil
	}
	c := *i
	c.Permissions = maps.Clone(i.Permissions)
	return &c
}

// enterprises begins the target of an enterprise.
const enterprises = "enterprises/"

// FindInstallation returns the installation on an account ("owner"), on a
// repository ("owner/repo"; a renamed one is also found by its old name), or on
// an enterprise ("enterprises/slug"). The error is of CodeNotFound when the app
// isn't installed there, and of CodeInvalidRequest when target is none of these
// forms.
//
// The answer is kept: for an owner or an enterprise for an hour, for a
// repository for 10 minutes, and for longer while GitHub can't be asked. That
// an account has no installation is kept, also for its repositories, for 30
// seconds at first, doubling to 15 minutes. A webhook about the installation or
// its account, and a mint that finds the installation gone, discard what is
// kept. Callers who ask for the same target at the same time share one request.
// The result belongs to the caller.
func (a *App) FindInstallation(ctx context.Context, target string) (*InstallationInfo, error) {
	account, repository, isRepository := strings.Cut(target, "/")
	path := "/users/" + account + "/installation" // answers for organisations too
	if slug, ok := strings.CutPrefix(target, enterprises); ok && nameable(slug) {
		account, repository, isRepository = target, "", false
		path = "/enterprises/" + slug + "/installation"
	} else if !nameable(account) || isRepository && !nameable(repository) {
		return nil, invalidRequest("find an installation: %q is neither an owner nor owner/repo nor enterprises/slug",
			apiclient.Redact(target, ""))
	}
	return a.accounts.find(ctx, account, target, func(ctx context.Context) (info *InstallationInfo, absent bool, err error) {
		if isRepository {
			return a.findOnRepository(ctx, account, path, repository)
		}
		info, err = a.findInstallation(ctx, target, path)
		return info, true, err
	})
}

// findOnRepository asks GitHub which installation is on a repository, and when
// there is none, at path, whether it is the account that has none: that is known
// for all its repositories then. An account that had none is asked for first.
func (a *App) findOnRepository(ctx context.Context, account, path, repository string) (info *InstallationInfo, absent bool, err error) {
	if a.accounts.lacked(account) {
		if _, err := a.findInstallation(ctx, account, path); err != nil {
			return nil, conclusive(err), err
		}
	}
	name := account + "/" + repository
	info, err = a.findInstallation(ctx, name, "/repos/"+name+"/installation")
	if !conclusive(err) {
		return info, false, err
	}
	if _, owner := a.findInstallation(ctx, account, path); conclusive(owner) {
		return nil, true, owner
	}
	return nil, false, err
}

// findInstallation asks GitHub, at path, which installation is on target.
func (a *App) findInstallation(ctx context.Context, target, path string) (*InstallationInfo, error) {
	info, err := a.lookupInstallation(ctx, path)
	if conclusive(err) {
		return nil, fmt.Errorf("githubapp: the app isn't installed on %s, or there is no such; "+
			"install it from the app's public page, and select the repository "+
			"(an enterprise is enterprises/SLUG): %w", target, err)
	}
	if err != nil {
		return nil, fmt.Errorf("githubapp: find the installation on %s: %w", target, err)
	}
	return info, nil
}

var name = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)

// nameable reports whether text can be the name of an account or a repository,
// so that it can't lead to another path.
func nameable(text string) bool { return name.MatchString(text) && text != "." && text != ".." }

// Installations returns all installations of the app, in GitHub's order. It
// asks GitHub for the next page as the caller goes on, and stops after an
// error.
func (a *App) Installations(ctx context.Context) iter.Seq2[*InstallationInfo, error] {
	return func(yield func(*InstallationInfo, error) bool) {
		seen := map[string]bool{}
		for path := "/app/installations?per_page=100"; path != ""; {
			seen[path] = true
			page, next, err := a.page(ctx, path)
			if err == nil && seen[next] {
				err = internal(errors.New("the pages of GitHub's answer go in a circle"))
			}
			for _, info := range page {
				if !yield(info, nil) {
					return
				}
			}
			if err != nil {
				yield(nil, fmt.Errorf("githubapp: list the installations: %w", err))
				return
			}
			path = next
		}
	}
}

// page returns one page of installations, and the path of the next, "" when it
// is the last.
func (a *App) page(ctx context.Context, path string) ([]*InstallationInfo, string, error) {
	got, err := a.lookup(ctx, path)
	if err != nil {
		return nil, "", err
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(got.Body, &entries); err != nil {
		return nil, "", internal(errors.New("the answer isn't the list that GitHub documents"))
	}
	page := make([]*InstallationInfo, 0, len(entries))
	for _, entry := range entries {
		info, err := parseInstallation(entry)
		if err != nil {
			return nil, "", internal(err)
		}
		page = append(page, info)
	}
	next, err := a.client.NextPage(got)
	return page, next, published(err)
}

// lookup asks GitHub, as the app.
func (a *App) lookup(ctx context.Context, path string) (*apiclient.Answer, error) {
	return a.do(ctx, apiclient.Request{Method: http.MethodGet, Path: path, Want: http.StatusOK})
}

// lookupInstallation asks GitHub for one installation, as the app.
func (a *App) lookupInstallation(ctx context.Context, path string) (*InstallationInfo, error) {
	got, err := a.lookup(ctx, path)
	if err != nil {
		return nil, err
	}
	info, err := parseInstallation(got.Body)
	if err != nil {
		return nil, internal(err)
	}
	return info, nil
}

// parseInstallation returns the installation that text says. Its account may be
// a user, an organisation, an enterprise, or null.
func parseInstallation(text []byte) (*InstallationInfo, error) {
	var in struct {
		ID      int64 `json:"id"`
		Account struct {
			Login string `json:"login"`
			Slug  string `json:"slug"`
			Type  string `json:"type"`
		} `json:"account"`
		TargetType          string            `json:"target_type"`
		RepositorySelection string            `json:"repository_selection"`
		Permissions         map[string]string `json:"permissions"`
		SuspendedAt         *time.Time        `json:"suspended_at"`
	}
	if json.Unmarshal(text, &in) != nil || in.ID <= 0 {
		return nil, errors.New("the answer isn't the installation that GitHub documents")
	}
	info := &InstallationInfo{
		ID: in.ID, Account: in.Account.Login, AccountType: in.Account.Type,
		RepositorySelection: in.RepositorySelection, Permissions: in.Permissions,
	}
	if info.Account == "" {
		info.Account = in.Account.Slug
	}
	if info.AccountType == "" {
		info.AccountType = in.TargetType
	}
	if in.SuspendedAt != nil {
		info.SuspendedAt = *in.SuspendedAt
	}
	return info, nil
}
