package githubapptest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// mintJSON is the answer to a mint. Only token and expires_at are promised by
// GitHub's schema.
type mintJSON struct {
	Token               string            `json:"token"`
	ExpiresAt           string            `json:"expires_at"`
	Permissions         map[string]string `json:"permissions"`
	RepositorySelection string            `json:"repository_selection"`
	Repositories        []map[string]any  `json:"repositories,omitempty"`
}

// installationJSON is GitHub's Installation.
type installationJSON struct {
	ID                     int64             `json:"id"`
	ClientID               string            `json:"client_id"`
	Account                map[string]any    `json:"account"`
	RepositorySelection    string            `json:"repository_selection"`
	AccessTokensURL        string            `json:"access_tokens_url"`
	RepositoriesURL        string            `json:"repositories_url"`
	HTMLURL                string            `json:"html_url"`
	AppID                  int64             `json:"app_id"`
	AppSlug                string            `json:"app_slug"`
	TargetID               int64             `json:"target_id"`
	TargetType             string            `json:"target_type"`
	Permissions            map[string]string `json:"permissions"`
	Events                 []string          `json:"events"`
	CreatedAt              string            `json:"created_at"`
	UpdatedAt              string            `json:"updated_at"`
	SingleFileName         *string           `json:"single_file_name"`
	HasMultipleSingleFiles bool              `json:"has_multiple_single_files"`
	SingleFilePaths        []string          `json:"single_file_paths"`
	SuspendedBy            map[string]any    `json:"suspended_by"`
	SuspendedAt            *string           `json:"suspended_at"`
}

// links is where the URLs in an answer lead.
type links struct {
	api  string // with the /api/v3 of the request answered, if it had that
	html string
}

// linksFor returns the links of an answer to r.
func (s *Server) linksFor(r *http.Request) links { return links{api: apiURL(r), html: s.URL} }

func (l links) installation(i *installation, a *app) installationJSON {
	out := installationJSON{
		ID:                  i.ID,
		ClientID:            a.ClientID,
		Account:             l.account(i.Account, i.AccountType),
		RepositorySelection: i.RepositorySelection,
		AccessTokensURL:     fmt.Sprintf("%s/app/installations/%d/access_tokens", l.api, i.ID),
		RepositoriesURL:     l.api + "/installation/repositories",
		HTMLURL:             fmt.Sprintf("%s/settings/installations/%d", l.html, i.ID),
		AppID:               a.ID,
		AppSlug:             a.Slug,
		TargetID:            accountID(i.Account),
		TargetType:          i.AccountType,
		Permissions:         i.Permissions,
		Events:              []string{},
		CreatedAt:           timestamp(i.createdAt),
		UpdatedAt:           timestamp(i.updatedAt),
		SingleFilePaths:     []string{},
	}
	if i.AccountType == "Organization" {
		out.HTMLURL = fmt.Sprintf("%s/organizations/%s/settings/installations/%d", l.html, i.Account, i.ID)
	}
	if !i.suspendedAt.IsZero() {
		out.SuspendedAt = new(timestamp(i.suspendedAt))
		out.SuspendedBy = l.account("octocat", "User")
	}
	return out
}

// app returns GitHub's App, there called Integration.
func (l links) app(a *app, installations int) map[string]any {
	return map[string]any{
		"id": a.ID, "slug": a.Slug, "client_id": a.ClientID, "node_id": nodeID("A", a.ID),
		"owner": l.account("octocat", "User"),
		"name":  a.Slug, "description": nil, "external_url": l.html, "html_url": l.html + "/apps/" + a.Slug,
		"created_at": timestamp(a.createdAt), "updated_at": timestamp(a.createdAt),
		"permissions": a.Permissions, "events": []string{}, "installations_count": installations,
	}
}

// repositoryURLs are the members of a repository that are URLs below its own.
var repositoryURLs = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
	"branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}",
	"comments_url": "/comments{/number}", "commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}",
	"contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments",
	"downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks",
	"git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}",
	"hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
	"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}",
	"languages_url": "/languages", "merges_url": "/merges", "milestones_url": "/milestones{/number}",
	"notifications_url": "/notifications{?since,all,participating}", "pulls_url": "/pulls{/number}",
	"releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}",
	"subscribers_url": "/subscribers", "subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams",
	"trees_url": "/git/trees{/sha}",
}

// repository returns GitHub's full repository, as the session sees it: some 90
// members and about 5 kB, as large as in real answers.
func (l links) repository(r *repository, session session) map[string]any {
	i := session.through(r)
	api, html := l.api+"/repos/"+r.fullName(), l.html+"/"+r.fullName()
	_, host, _ := strings.Cut(l.html, "://")
	owner := l.account(r.owner, i.AccountType)
	if i.AccountType == "Enterprise" {
		owner = l.account(r.owner, "Organization")
	}
	out := map[string]any{
		"id": r.id, "node_id": nodeID("R", r.id), "name": r.name, "full_name": r.fullName(), "private": true,
		"owner": owner, "html_url": html, "description": nil, "fork": false, "url": api,
		"git_url": "git://" + host + "/" + r.fullName() + ".git", "ssh_url": "git@" + host + ":" + r.fullName() + ".git",
		"clone_url": html + ".git", "svn_url": html, "mirror_url": nil, "homepage": nil, "language": nil, "license": nil,
		"created_at": timestamp(r.createdAt), "updated_at": timestamp(r.createdAt), "pushed_at": timestamp(r.createdAt),
		"forks_count": 0, "forks": 0, "stargazers_count": 0, "watchers_count": 0, "watchers": 0, "size": 1,
		"open_issues_count": 0, "open_issues": 0, "topics": []string{}, "default_branch": "main", "visibility": "private",
		"is_template": false, "has_issues": true, "has_projects": true, "has_wiki": true, "has_pages": false,
		"has_downloads": true, "has_discussions": false, "has_pull_requests": true, "archived": false, "disabled": false,
		"allow_rebase_merge": true, "allow_squash_merge": true, "allow_merge_commit": true, "allow_auto_merge": false,
		"allow_update_branch": false, "allow_forking": false, "delete_branch_on_merge": false,
		"web_commit_signoff_required": false, "permissions": map[string]bool{
			"admin": false, "maintain": false, "push": session.may(r, "contents", "write"), "triage": false,
			"pull": session.may(r, "contents", "read"),
		},
	}
	for name, rest := range repositoryURLs {
		out[name] = api + rest
	}
	return out
}

// fullRepository returns a repository asked for by its name or id, of which
// GitHub tells more than in a list.
func (l links) fullRepository(r *repository, session session) map[string]any {
	out := l.repository(r, session)
	out["network_count"], out["subscribers_count"] = 0, 0
	return out
}

// timestamp returns t as GitHub writes most times.
func timestamp(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

// nodeID returns what looks like one of GitHub's GraphQL ids. What is in a
// repository has the repository's id, and within a name.
func nodeID(kind string, id int64, within ...string) string {
	text := strings.Join(append([]string{kind, strconv.FormatInt(id, 10)}, within...), ":")
	return kind + "_" + base64.RawURLEncoding.EncodeToString([]byte(text))
}

// readNodeID takes a node id of that kind apart.
func readNodeID(kind, text string) (id int64, within string, ok bool) {
	prefix, encoded, _ := strings.Cut(text, "_")
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	parts := append(strings.SplitN(string(decoded), ":", 3), "", "")
	if err != nil || prefix != kind || parts[0] != kind {
		return 0, "", false
	}
	id, err = strconv.ParseInt(parts[1], 10, 64)
	return id, parts[2], err == nil
}
