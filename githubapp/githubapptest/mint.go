package githubapptest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxRepositories is how many repositories a mint may list.
const maxRepositories = 500

// mintRequest is what a mint may ask for. Absent and empty both mean everything
// that the installation has.
type mintRequest struct {
	Repositories  []string          `json:"repositories"`
	RepositoryIDs []int64           `json:"repository_ids"`
	Permissions   map[string]string `json:"permissions"`
}

// mint answers POST /app/installations/{installation_id}/access_tokens.
func (s *Server) mint(w http.ResponseWriter, r *http.Request, a *app) {
	i := s.named(w, r, a)
	if i == nil {
		return
	}
	if !i.suspendedAt.IsZero() {
		errSuspended.write(w)
		return
	}
	asked, refusal := readMintRequest(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	repositories, refusal := s.narrowRepositories(i, asked)
	if refusal != nil {
		refusal.write(w)
		return
	}
	permissions, refusal := narrowPermissions(i, asked.Permissions)
	if refusal != nil {
		refusal.write(w)
		return
	}
	t := &token{
		appID: a.ID, installationID: i.ID, permissions: permissions,
		narrowed: repositories != nil || len(asked.Permissions) > 0,
	}
	for _, repo := range repositories {
		t.repositories = append(t.repositories, repo.id)
	}
	value, minted := s.mintToken(t, s.formatAsked(r))
	answer := mintJSON{
		Token: value, ExpiresAt: minted.expiresAt.Format(time.RFC3339), Permissions: permissions,
		RepositorySelection: i.RepositorySelection,
	}
	if repositories != nil {
		answer.RepositorySelection = "selected"
		for _, repo := range repositories {
			answer.Repositories = append(answer.Repositories,
				s.linksFor(r).repository(repo, session{token: *t, installations: []*installation{i}}))
		}
	}
	writeJSON(w, http.StatusCreated, answer)
}

// readMintRequest reads what is asked for. null counts as no body: old and
// widespread clients send it.
func readMintRequest(r *http.Request) (mintRequest, *apiError) {
	body, err := io.ReadAll(r.Body)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return mintRequest{}, nil
	}
	if !json.Valid(body) {
		return mintRequest{}, errNotJSON
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return mintRequest{}, errNotAnObject
	}
	var asked mintRequest
	for name, into := range map[string]any{
		"repositories": &asked.Repositories, "repository_ids": &asked.RepositoryIDs,
		"permissions": &asked.Permissions,
	} {
		if raw, ok := fields[name]; ok {
			if err := json.Unmarshal(raw, into); err != nil {
				return mintRequest{}, invalidProperty(name, "is not of the type that the schema has")
			}
		}
	}
	return asked, nil
}

// narrowRepositories returns the repositories asked for, and nil when none was
// named.
func (s *Server) narrowRepositories(i *installation, asked mintRequest) ([]*repository, *apiError) {
	if len(asked.Repositories)+len(asked.RepositoryIDs) > maxRepositories {
		return nil, errTooMany
	}
	var found []*repository
	take := func(repo *repository, ok bool) bool {
		if !ok || !i.reaches(repo) {
			return false
		}
		if !slices.Contains(found, repo) {
			found = append(found, repo)
		}
		return true
	}
	for _, name := range asked.Repositories {
		repo, moved, err := s.repositoryByName(i.Account + "/" + name)
		if !take(repo, err == nil && !moved) {
			return nil, errRepository
		}
	}
	for _, id := range asked.RepositoryIDs {
		if !take(s.repositoryByID(id)) {
			return nil, errRepository
		}
	}
	return found, nil
}

// narrowPermissions returns the permissions asked for, or all that the
// installation has. metadata: read is always in.
func narrowPermissions(i *installation, asked map[string]string) (map[string]string, *apiError) {
	if len(asked) == 0 {
		return i.Permissions, nil
	}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		switch level := asked[name]; {
		case permissionLevels[name] == nil:
			return nil, invalidProperty("permissions", fmt.Sprintf("%q is not a permission", name))
		case !validPermission(name, level):
			return nil, invalidProperty("permissions", fmt.Sprintf("%q is not one of %s's levels: %s", level, name,
				strings.Join(permissionLevels[name], ", ")))
		case !includes(i.Permissions[name], level):
			return nil, errNotGranted
		}
	}
	narrowed := maps.Clone(asked)
	if narrowed["metadata"] == "" {
		narrowed["metadata"] = "read"
	}
	return narrowed, nil
}

// invalidProperty returns the 422 for a property that the schema doesn't allow.
func invalidProperty(name, why string) *apiError {
	return &apiError{
		status:  http.StatusUnprocessableEntity,
		message: fmt.Sprintf("Invalid request.\n\nFor 'properties/%s', %s.", name, why),
		docs:    mintDocs,
	}
}

// formatAsked returns the token format that the request's header chooses, or
// else the server's.
func (s *Server) formatAsked(r *http.Request) TokenFormat {
	switch r.Header.Get("X-GitHub-Stateless-S2S-Token") {
	case "enabled":
		return FormatStateless
	case "disabled":
		return FormatClassic
	}
	return s.settings().tokenFormat
}
