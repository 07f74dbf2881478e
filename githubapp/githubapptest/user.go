package githubapptest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// User is a person with an account, who signs in to an app and has it act in
// their name.
type User struct {
	Login string // of the account
	Name  string // as their profile has it; "" for none

	// Access is what the person may do, by repository (owner/name, as it is
	// named now) or by owner, for all of that owner's: read, write or admin. A
	// person is admin of what they own.
	Access map[string]string
}

// AddUser adds u, or replaces the user of that login, whose tokens then reach
// what u may. It panics when u makes no sense: a login or a repository that is
// malformed, or an access that is none of read, write and admin.
func (s *Server) AddUser(u User) {
	if !validOwner.MatchString(u.Login) {
		panic(fmt.Sprintf("githubapptest: AddUser: %q is no login of an account", u.Login))
	}
	access := map[string]string{}
	for name, level := range u.Access {
		if !slices.Contains(levels, level) {
			panic(fmt.Sprintf("githubapptest: AddUser: access %q to %q is none of %s", level, name, strings.Join(levels, ", ")))
		}
		if !validOwner.MatchString(name) && checkFullName(name) != nil {
			panic(fmt.Sprintf("githubapptest: AddUser: %q is neither an owner nor owner/name", name))
		}
		access[strings.ToLower(name)] = level
	}
	u.Access = access
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[strings.ToLower(u.Login)] = &u
}

// userNamed finds a user by login, in any case of letters.
func (s *Server) userNamed(login string) (*User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[strings.ToLower(login)]
	return u, ok
}

// logins returns those of all users, in order.
func (s *Server) logins() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for u := range maps.Values(s.users) {
		all = append(all, u.Login)
	}
	slices.Sort(all)
	return all
}

// level returns what the user may do with the repository; "" is nothing.
func (u *User) level(r *repository) string {
	if strings.EqualFold(u.Login, r.owner) {
		return "admin"
	}
	return cmp.Or(u.Access[strings.ToLower(r.fullName())], u.Access[strings.ToLower(r.owner)])
}

// may tells whether the user has the permission at that level. Who may read a
// repository may say something in it, and propose a change.
func (u *User) may(r *repository, permission, level string) bool {
	if permission == "issues" || permission == "pull_requests" {
		level = "read"
	}
	return includes(u.level(r), level)
}

// getAuthenticatedUser answers GET /user with who a user access token is of. An
// installation is no user, so it is no test of an installation token.
func (s *Server) getAuthenticatedUser(w http.ResponseWriter, r *http.Request, session session) {
	if session.user == nil {
		errNotAccessible.write(w)
		return
	}
	writeJSON(w, http.StatusOK, s.linksFor(r).person(session.user))
}

// person returns GitHub's public user, of whom the name is known.
func (l links) person(u *User) map[string]any {
	out := l.publicUser(u.Login, "User")
	if u.Name != "" {
		out["name"] = u.Name
	}
	return out
}
