package githubapp

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

// Scope says what a token may be used for. A nil field doesn't narrow the
// token: with the zero Scope it may do all that the installation may. An empty
// list or map that isn't nil is an error of CodeInvalidRequest when a token is
// asked for, since GitHub would take it for everything.
//
// A token is for the repositories in Repositories and those in RepositoryIDs.
// Prefer ids where you know them: a repository keeps its id when it is renamed.
type Scope struct {
	Repositories  []string          // names without the owner; case doesn't matter
	RepositoryIDs []int64           // GitHub's numbers
	Permissions   map[string]string // by name, such as "contents", the level: read, write or admin
}

// validate returns an error for what GitHub would misunderstand, or refuse
// without saying what is wrong.
func (s Scope) validate() error {
	switch {
	case s.Repositories != nil && len(s.Repositories) == 0:
		return emptyField("Scope.Repositories", "repositories")
	case s.RepositoryIDs != nil && len(s.RepositoryIDs) == 0:
		return emptyField("Scope.RepositoryIDs", "repositories")
	case s.Permissions != nil && len(s.Permissions) == 0:
		return emptyField("Scope.Permissions", "permissions")
	}
	for _, name := range s.Repositories {
		if !nameable(name) {
			return fmt.Errorf("Scope.Repositories holds %q, which is no repository's name; "+
				"it is without the owner, who is the installation's account", name)
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

func emptyField(name, all string) error {
	return fmt.Errorf("%s is empty but not nil, which GitHub would take for all %s; "+
		"name one, or leave it nil", name, all)
}

// clone returns a copy that shares no memory with s.
func (s Scope) clone() Scope {
	return Scope{slices.Clone(s.Repositories), slices.Clone(s.RepositoryIDs), maps.Clone(s.Permissions)}
}

// canonical returns s sorted and without duplicates. Scopes that mean the same
// have the same canonical form, but for the case of names.
func (s Scope) canonical() Scope {
	s = s.clone()
	slices.SortFunc(s.Repositories, compareFold)
	s.Repositories = slices.CompactFunc(s.Repositories, strings.EqualFold)
	slices.Sort(s.RepositoryIDs)
	s.RepositoryIDs = slices.Compact(s.RepositoryIDs)
	return s
}

func compareFold(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }

// key returns a text that only this canonical scope has; "" is everything.
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

// body returns the body of a request for a token of this scope, nil for
// everything.
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

// String returns s as text.
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

// narrow returns s within base. What s asks for and base doesn't have is an
// error: if it were left out that would only show later, as a repository that
// isn't found.
func (base Scope) narrow(s Scope) (Scope, error) {
	narrowed := base
	if s.narrowsRepositories() {
		if lacking := base.lackingRepository(s); lacking != "" {
			return Scope{}, fmt.Errorf("%s isn't in the scope to be narrowed (%s)", lacking, base)
		}
		narrowed.Repositories, narrowed.RepositoryIDs = s.Repositories, s.RepositoryIDs
	}
	if s.Permissions != nil {
		lacking := lackingPermissions(base.Permissions, s.Permissions)
		if base.Permissions != nil && lacking != "" {
			return Scope{}, fmt.Errorf("permissions %s aren't in the scope to be narrowed (%s)", lacking, base)
		}
		narrowed.Permissions = s.Permissions
	}
	return narrowed, nil
}

// lackingRepository returns which repository of s isn't in base, and "" when none
// lacks.
func (base Scope) lackingRepository(s Scope) string {
	if !base.narrowsRepositories() {
		return ""
	}
	for _, name := range s.Repositories {
		if !containsFold(base.Repositories, name) {
			return "repository " + name
		}
	}
	for _, id := range s.RepositoryIDs {
		if !slices.Contains(base.RepositoryIDs, id) {
			return fmt.Sprintf("repository id %d", id)
		}
	}
	return ""
}

func containsFold(names []string, name string) bool {
	return slices.ContainsFunc(names, func(other string) bool { return strings.EqualFold(other, name) })
}
