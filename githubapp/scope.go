package githubapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

// Scope narrows a token. A nil field doesn't narrow: the zero Scope is all that the installation has. An empty list that
// isn't nil is refused, since GitHub would take it for everything.
//
// Repositories and RepositoryIDs add up. Prefer ids where they are known: a repository keeps its id when it is renamed.
type Scope struct {
	Repositories  []string          // names without the owner; compared without case
	RepositoryIDs []int64           // GitHub's numbers
	Permissions   map[string]string // name to level, like "contents": "read"; levels are read, write and admin
}

// validate refuses what GitHub would misunderstand, or refuse without saying what is wrong.
func (s Scope) validate() error {
	switch {
	case s.Repositories != nil && len(s.Repositories) == 0:
		return errors.New("Scope.Repositories is empty but not nil, which GitHub would take for all repositories; name one, or leave it nil")
	case s.RepositoryIDs != nil && len(s.RepositoryIDs) == 0:
		return errors.New("Scope.RepositoryIDs is empty but not nil, which GitHub would take for all repositories; name one, or leave it nil")
	case s.Permissions != nil && len(s.Permissions) == 0:
		return errors.New("Scope.Permissions is empty but not nil, which GitHub would take for all permissions; name one, or leave it nil")
	}
	for _, name := range s.Repositories {
		if !nameable(name) {
			return fmt.Errorf("Scope.Repositories holds %q, which is no repository's name; it is without the owner, who is the installation's account", name)
		}
	}
	for _, id := range s.RepositoryIDs {
		if id <= 0 {
			return fmt.Errorf("Scope.RepositoryIDs holds %d; an id is a positive number", id)
		}
	}
	for name, level := range s.Permissions {
		if !wire.IsToken(name) || rank(level) == 0 {
			return fmt.Errorf("Scope.Permissions holds %q: %q; levels are read, write and admin", name, level)
		}
	}
	return nil
}

// clone shares no memory with s.
func (s Scope) clone() Scope {
	return Scope{slices.Clone(s.Repositories), slices.Clone(s.RepositoryIDs), maps.Clone(s.Permissions)}
}

// canonical is s sorted and without duplicates. Two scopes that mean the same have the same canonical form, but for the
// case of names.
func (s Scope) canonical() Scope {
	s = s.clone()
	slices.SortFunc(s.Repositories, compareFold)
	s.Repositories = slices.CompactFunc(s.Repositories, strings.EqualFold)
	slices.Sort(s.RepositoryIDs)
	s.RepositoryIDs = slices.Compact(s.RepositoryIDs)
	return s
}

func compareFold(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }

// key identifies a canonical scope; "" is everything.
func (s Scope) key() string {
	if s.narrowsNothing() {
		return ""
	}
	var b strings.Builder
	for _, name := range s.Repositories {
		b.WriteString(strings.ToLower(name) + "/") // no name holds a slash
	}
	for _, id := range s.RepositoryIDs {
		b.WriteString("#" + strconv.FormatInt(id, 10) + "/")
	}
	return b.String() + "?" + permissionsKey(s.Permissions)
}

func (s Scope) narrowsNothing() bool { return !s.narrowsRepositories() && s.Permissions == nil }

func (s Scope) narrowsRepositories() bool { return s.Repositories != nil || s.RepositoryIDs != nil }

// body is the request for a token of this scope, nil for everything.
func (s Scope) body() ([]byte, error) {
	if s.narrowsNothing() {
		return nil, nil
	}
	return json.Marshal(struct {
		Repositories  []string          `json:"repositories,omitempty"`
		RepositoryIDs []int64           `json:"repository_ids,omitempty"`
		Permissions   map[string]string `json:"permissions,omitempty"`
	}(s))
}

// String names everything that s asks for.
func (s Scope) String() string {
	if s.narrowsNothing() {
		return "everything"
	}
	var parts []string
	if s.Repositories != nil {
		parts = append(parts, "repositories "+strings.Join(s.Repositories, ", "))
	}
	if s.RepositoryIDs != nil {
		parts = append(parts, fmt.Sprint("repository ids ", s.RepositoryIDs))
	}
	if s.Permissions != nil {
		parts = append(parts, "permissions "+permissionsText(s.Permissions))
	}
	return strings.Join(parts, "; ")
}

// narrow is s within base. What s asks for and base doesn't have is an error: leaving it out would only show later, as
// a repository that isn't found.
func (base Scope) narrow(s Scope) (Scope, error) {
	narrowed := base
	if s.narrowsRepositories() {
		narrowed.Repositories, narrowed.RepositoryIDs = s.Repositories, s.RepositoryIDs
		if base.narrowsRepositories() {
			for _, name := range s.Repositories {
				if !containsFold(base.Repositories, name) {
					return Scope{}, fmt.Errorf("repository %s isn't in the scope to be narrowed (%s)", name, base)
				}
			}
			for _, id := range s.RepositoryIDs {
				if !slices.Contains(base.RepositoryIDs, id) {
					return Scope{}, fmt.Errorf("repository id %d isn't in the scope to be narrowed (%s)", id, base)
				}
			}
		}
	}
	if s.Permissions != nil {
		narrowed.Permissions = s.Permissions
		if base.Permissions != nil {
			if lacking := lackingPermissions(base.Permissions, s.Permissions); lacking != "" {
				return Scope{}, fmt.Errorf("permissions %s aren't in the scope to be narrowed (%s)", lacking, base)
			}
		}
	}
	return narrowed, nil
}

func containsFold(names []string, name string) bool {
	return slices.ContainsFunc(names, func(other string) bool { return strings.EqualFold(other, name) })
}
