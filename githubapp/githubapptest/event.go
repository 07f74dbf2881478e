package githubapptest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Event is something that happened to an installation, of which a webhook is
// told. These are known:
//
//	Name                       Action
//	installation               created, deleted, suspend, unsuspend, new_permissions_accepted
//	installation_repositories  added, removed
//	installation_target        renamed
//	ping                       (none)
type Event struct {
	Name           string
	Action         string
	InstallationID int64
	Repositories   []string // of installation_repositories: those added or removed, as owner/name
	OldLogin       string   // of installation_target: the account's former login
}

// events are the names of events with their actions.
var events = map[string][]string{
	"installation":              {"created", "deleted", "suspend", "unsuspend", "new_permissions_accepted"},
	"installation_repositories": {"added", "removed"},
	"installation_target":       {"renamed"},
	"ping":                      {""},
}

// payload returns the body of a delivery.
func (s *Server) payload(e Event, i *installation, hook Webhook) (map[string]any, error) {
	if !slices.Contains(events[e.Name], e.Action) {
		return nil, fmt.Errorf("there is no event %q with action %q; see Event", e.Name, e.Action)
	}
	s.mu.Lock()
	a := s.apps[i.AppID]
	s.mu.Unlock()
	l := links{api: s.URL, html: s.URL}
	installation, err := eventInstallation(l.installation(i, a), i, hook.EpochTimes)
	if err != nil {
		return nil, err
	}
	payload := map[string]any{"action": e.Action, "installation": installation, "sender": l.account("octocat", "User")}
	switch e.Name {
	case "ping":
		return map[string]any{
			"zen": "Keep it logically awesome.", "hook_id": hookID(a.ID),
			"hook": map[string]any{
				"type": "App", "id": hookID(a.ID), "name": "web", "active": true,
				"events": []string{}, "app_id": a.ID,
				"config": map[string]string{"content_type": "json", "insecure_ssl": "0", "url": hook.URL},
			},
		}, nil
	case "installation":
		if e.Action != "suspend" && e.Action != "unsuspend" {
			payload["repositories"] = eventRepositories(s.repositoriesOf(i))
		}
		if e.Action == "created" {
			payload["requester"] = nil
		}
	case "installation_repositories":
		var named []*repository
		for _, fullName := range e.Repositories {
			repo, _, err := s.repositoryByName(fullName)
			if err != nil {
				return nil, fmt.Errorf("repository %q: %w", fullName, err)
			}
			named = append(named, repo)
		}
		payload["repository_selection"], payload["requester"] = i.RepositorySelection, nil
		payload["repositories_added"], payload["repositories_removed"] = []any{}, []any{}
		payload["repositories_"+e.Action] = eventRepositories(named)
	case "installation_target":
		payload["installation"] = map[string]any{"id": i.ID, "node_id": nodeID("I", i.ID)}
		payload["account"], payload["target_type"] = l.account(i.Account, i.AccountType), i.AccountType
		payload["changes"] = map[string]any{"login": map[string]string{"from": e.OldLogin}}
	}
	return payload, nil
}

// eventInstallation returns an installation as deliveries have it.
func eventInstallation(shape installationJSON, i *installation, epochTimes bool) (map[string]any, error) {
	text, err := json.Marshal(shape)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, err
	}
	if epochTimes {
		out["created_at"], out["updated_at"] = i.createdAt.Unix(), i.updatedAt.Unix()
	}
	return out, nil
}

// eventRepositories returns repositories as deliveries list them: the least
// that tells which.
func eventRepositories(repositories []*repository) []map[string]any {
	list := []map[string]any{} // never null
	for _, r := range repositories {
		list = append(list, map[string]any{
			"id": r.id, "node_id": nodeID("R", r.id), "name": r.name, "full_name": r.fullName(),
			"private": true,
		})
	}
	return list
}

// changes returns the events of an installation that took old's place, which is
// nil for a new one. fullName returns that of a repository by its id.
func (i *installation) changes(old *installation, fullName func(id int64) string) []Event {
	if old == nil {
		return []Event{{Name: "installation", Action: "created", InstallationID: i.ID}}
	}
	var all []Event
	if !maps.Equal(i.Permissions, old.Permissions) {
		all = append(all,
			Event{Name: "installation", Action: "new_permissions_accepted", InstallationID: i.ID})
	}
	for action, diff := range map[string][2]*installation{"added": {i, old}, "removed": {old, i}} {
		var gained []string
		for _, id := range diff[0].repositories {
			if !slices.Contains(diff[1].repositories, id) {
				gained = append(gained, fullName(id))
			}
		}
		if gained != nil {
			all = append(all,
				Event{Name: "installation_repositories", Action: action, InstallationID: i.ID, Repositories: gained})
		}
	}
	slices.SortFunc(all, func(a, b Event) int { return strings.Compare(a.Name+a.Action, b.Name+b.Action) })
	return all
}
