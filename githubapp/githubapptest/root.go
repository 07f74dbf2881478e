package githubapptest

import "net/http"

// rootURLs are the members of the API's front page, by which clients find the
// rest of it.
var rootURLs = map[string]string{
	"authorizations_url": "/authorizations", "code_search_url": "/search/code?q={query}{&page,per_page,sort,order}",
	"commit_search_url": "/search/commits?q={query}{&page,per_page,sort,order}", "current_user_url": "/user",
	"current_user_repositories_url": "/user/repos{?type,page,per_page,sort}", "emails_url": "/user/emails",
	"emojis_url": "/emojis", "events_url": "/events", "feeds_url": "/feeds", "followers_url": "/user/followers",
	"following_url": "/user/following{/target}", "gists_url": "/gists{/gist_id}",
	"issue_search_url": "/search/issues?q={query}{&page,per_page,sort,order}", "issues_url": "/issues",
	"keys_url": "/user/keys", "label_search_url": "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}",
	"notifications_url": "/notifications", "organization_repositories_url": "/orgs/{org}/repos{?type,page,per_page,sort}",
	"organization_teams_url": "/orgs/{org}/teams", "organization_url": "/orgs/{org}", "public_gists_url": "/gists/public",
	"rate_limit_url":        "/rate_limit",
	"repository_search_url": "/search/repositories?q={query}{&page,per_page,sort,order}",
	"repository_url":        "/repos/{owner}/{repo}", "starred_gists_url": "/gists/starred",
	"starred_url": "/user/starred{/owner}{/repo}", "topic_search_url": "/search/topics?q={query}{&page,per_page}",
	"user_organizations_url": "/user/orgs", "user_repositories_url": "/users/{user}/repos{?type,page,per_page,sort}",
	"user_search_url": "/search/users?q={query}{&page,per_page,sort,order}", "user_url": "/users/{user}",
}

// getRoot answers GET /, which needs no credentials but refuses wrong ones: `gh
// auth status` tries a token on it. An installation token has no OAuth scopes,
// so there is no X-OAuth-Scopes, and gh leaves them alone.
func (s *Server) getRoot(w http.ResponseWriter, r *http.Request) {
	api := apiURL(r)
	answer := map[string]string{
		"current_user_authorizations_html_url": s.URL + "/settings/connections/applications{/client_id}",
	}
	for name, path := range rootURLs {
		answer[name] = api + path
	}
	writeJSON(w, http.StatusOK, answer)
}
