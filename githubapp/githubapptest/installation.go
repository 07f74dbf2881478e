package githubapptest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Installation is an app installed on an account.
type Installation struct {
	ID          int64  // above zero
	AppID       int64  // of an app added before
	Account     string // login of the organisation or user, slug of the enterprise
	AccountType string // Organization (also ""), User or Enterprise

	// RepositorySelection is "all" (every repository of the account, also later
	// ones) or "selected". "" means selected when Repositories has any,
	// otherwise all.
	RepositorySelection string

	// Repositories are the selected ones as owner/name; with "all" it must be
	// empty. One that the server doesn't have yet comes into being for the API
	// alone; [Server.AddRepository] gives it what git needs.
	Repositories []string

	// Permissions are what the account granted; nil means those of the app.
	// metadata: read is always added.
	Permissions map[string]string
}

type installation struct {
	Installation
	repositories []int64 // of a selection; Installation.Repositories goes stale when one is renamed
	createdAt    time.Time
	updatedAt    time.Time
	suspendedAt  time.Time // zero: it isn't
}

// AddInstallation adds i, or replaces the installation with its ID, whose
// tokens then have what i grants and no more. It panics when i makes no sense:
// no ID or account, an app that was not added, a malformed name, an unknown
// permission. A webhook is told; see [Server.SetWebhook].
func (s *Server) AddInstallation(i Installation) {
	added, events := s.storeInstallation(i.complete())
	s.happened(added, events...)
}

func (s *Server) storeInstallation(i Installation) (*installation, []Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.apps[i.AppID]
	if !ok {
		panic(fmt.Sprintf("githubapptest: AddInstallation: app %d was not added", i.AppID))
	}
	if i.Permissions == nil {
		i.Permissions = a.Permissions
	}
	now := time.Now().Add(s.clockOffset)
	added := &installation{Installation: i, createdAt: now, updatedAt: now}
	for _, fullName := range i.Repositories {
		added.repositories = append(added.repositories, s.repositoryNamed(fullName).id)
	}
	old := s.installations[i.ID]
	if old != nil {
		added.createdAt, added.suspendedAt = old.createdAt, old.suspendedAt
	}
	s.installations[i.ID] = added
	s.nextID = max(s.nextID, i.ID)
	return added, added.changes(old, func(id int64) string { return s.repositories[id].fullName() })
}

// complete returns i with its defaults filled in.
func (i Installation) complete() Installation {
	refuse := func(format string, args ...any) {
		panic("githubapptest: AddInstallation: " + fmt.Sprintf(format, args...))
	}
	if i.ID <= 0 {
		refuse("ID %d is not above zero", i.ID)
	}
	if !validOwner.MatchString(i.Account) {
		refuse("%q is no login of an account", i.Account)
	}
	i.AccountType = cmp.Or(i.AccountType, "Organization")
	if !slices.Contains([]string{"Organization", "User", "Enterprise"}, i.AccountType) {
		refuse("AccountType %q is none of Organization, User, Enterprise", i.AccountType)
	}
	if i.RepositorySelection == "" {
		i.RepositorySelection = "all"
		if len(i.Repositories) > 0 {
			i.RepositorySelection = "selected"
		}
	}
	switch {
	case i.RepositorySelection != "all" && i.RepositorySelection != "selected":
		refuse(`RepositorySelection %q is neither "all" nor "selected"`, i.RepositorySelection)
	case i.RepositorySelection == "all" && len(i.Repositories) > 0:
		refuse(`RepositorySelection "all" with a list of Repositories`)
	}
	i.Repositories = slices.Clone(i.Repositories)
	for _, fullName := range i.Repositories {
		if err := checkFullName(fullName); err != nil {
			refuse("%v", err)
		}
	}
	if i.Permissions != nil {
		i.Permissions = grantable("AddInstallation", i.Permissions)
	}
	return i
}

// Suspend suspends an installation or lifts that. While it is suspended its
// tokens are refused and none is minted, but it can still be looked up. An
// unknown id is ignored.
func (s *Server) Suspend(id int64, suspended bool) {
	action := "unsuspend"
	if suspended {
		action = "suspend"
	}
	if i, changed := s.setSuspended(id, suspended); changed {
		s.happened(i, Event{Name: "installation", Action: action, InstallationID: id})
	}
}

func (s *Server) setSuspended(id int64, suspended bool) (i *installation, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.installations[id]
	if !ok || suspended == !old.suspendedAt.IsZero() {
		return nil, false
	}
	changed := *old
	changed.updatedAt = time.Now().Add(s.clockOffset)
	changed.suspendedAt = time.Time{}
	if suspended {
		changed.suspendedAt = changed.updatedAt
	}
	s.installations[id] = &changed
	return &changed, true
}

// Uninstall removes an installation; its tokens are dead. An unknown id is
// ignored.
func (s *Server) Uninstall(id int64) {
	s.mu.Lock()
	i, ok := s.installations[id]
	delete(s.installations, id)
	s.mu.Unlock()
	if ok {
		s.happened(i, Event{Name: "installation", Action: "deleted", InstallationID: id})
	}
}

// installation finds one by its id; appID 0 stands for any app's.
func (s *Server) installation(id, appID int64) (*installation, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.installations[id]
	return i, ok && (appID == 0 || i.AppID == appID)
}

// installationsOf returns an app's installations in the order of their ids.
func (s *Server) installationsOf(appID int64) []*installation {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*installation
	for _, i := range s.installations {
		if i.AppID == appID {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(a, b *installation) int { return cmp.Compare(a.ID, b.ID) })
	return found
}

// reaches tells whether the installation covers the repository.
func (i *installation) reaches(r *repository) bool {
	if !strings.EqualFold(r.owner, i.Account) {
		return false // one that moved leaves the selection of its former owner
	}
	return i.RepositorySelection == "all" || slices.Contains(i.repositories, r.id)
}
