package githubapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/apiclient"
	"github.com/molecule-ai/provisionkit/internal/wire"
)

// minted is what matters of the answer to a mint. A repository has some eighty
// more fields.
type minted struct {
	Token               string            `json:"token"`
	ExpiresAt           string            `json:"expires_at"`
	Permissions         map[string]string `json:"permissions"`
	RepositorySelection string            `json:"repository_selection"`
	Repositories        []struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	} `json:"repositories"`
}

// parseMinted returns what an answer says, and when its token expires. Its
// errors quote nothing of the answer: the token would be in there.
func parseMinted(body []byte) (m minted, expiresAt time.Time, err error) {
	if err := json.Unmarshal(body, &m); err != nil {
		return minted{}, time.Time{}, errors.New("the answer isn't the JSON that GitHub documents; " +
			"is Options.BaseURL GitHub's API, and no proxy answers for it?")
	}
	expiresAt, err = time.Parse(time.RFC3339, m.ExpiresAt)
	switch {
	case m.Token == "":
		return minted{}, time.Time{}, errors.New("the answer holds no token")
	case !wire.IsToken(m.Token):
		return minted{}, time.Time{}, errors.New("the answer's token holds white space or control characters")
	case err != nil || expiresAt.IsZero():
		return minted{}, time.Time{}, errors.New("the answer doesn't say in RFC 3339 when the token expires")
	}
	return m, expiresAt, nil
}

// verify returns an error for a grant that is wider than asked. What the answer
// leaves out is taken as asked, and metadata: read goes with every grant.
func (m minted) verify(asked Scope) error {
	if asked.Permissions != nil {
		granted := maps.Clone(m.Permissions)
		if granted["metadata"] == "read" {
			delete(granted, "metadata")
		}
		for _, name := range slices.Sorted(maps.Keys(granted)) {
			if lackingPermissions(asked.Permissions, map[string]string{name: granted[name]}) != "" {
				return fmt.Errorf("the token has permission %s: %s, wider than the scope asked for (%s)",
					apiclient.Redact(name, m.Token), apiclient.Redact(granted[name], m.Token), asked)
			}
		}
	}
	if !asked.narrowsRepositories() {
		return nil
	}
	if selection := m.RepositorySelection; selection != "" && selection != "selected" {
		return fmt.Errorf("the token is for %s repositories, wider than the scope asked for (%s)",
			apiclient.Redact(selection, m.Token), asked)
	}
	for _, r := range m.Repositories {
		if !slices.Contains(asked.RepositoryIDs, r.ID) && !containsFold(asked.Repositories, r.Name) {
			return fmt.Errorf("the token is for repository %s too, wider than the scope asked for (%s); "+
				"was one renamed?", apiclient.Redact(r.Name, m.Token), asked)
		}
	}
	return nil
}

// grant is what the latest token may do, in little memory: an app has one for
// each installation. It is immutable.
type grant struct {
	permissions  permissionSet
	repositories *repositories // nil: all
}

type repositories struct {
	names []string
	ids   []int64
}

var hashSeed = maphash.MakeSeed()

// shortHash returns what tells tokens apart, in this process, without giving
// them away.
func shortHash(token string) uint64 { return maphash.String(hashSeed, token) }

// grant returns what m was granted; what it leaves out is taken as asked.
func (m minted) grant(asked Scope) *grant {
	g := &grant{permissions: newPermissionSet(m.Permissions)}
	if m.Permissions == nil {
		g.permissions = newPermissionSet(asked.Permissions)
	}
	switch {
	case m.RepositorySelection == "all":
	case m.Repositories != nil:
		n := len(m.Repositories)
		g.repositories = &repositories{make([]string, n), make([]int64, n)}
		for n, r := range m.Repositories {
			g.repositories.names[n], g.repositories.ids[n] = r.Name, r.ID
		}
	case asked.narrowsRepositories():
		g.repositories = &repositories{asked.Repositories, asked.RepositoryIDs}
	}
	return g
}

// scope returns g as a Scope of the caller's own.
func (g *grant) scope() Scope {
	s := Scope{Permissions: g.permissions.permissions()}
	if g.repositories != nil {
		s.Repositories, s.RepositoryIDs = g.repositories.names, g.repositories.ids
	}
	return s.clone()
}
