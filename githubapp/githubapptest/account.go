package githubapptest

import (
	"fmt"
	"hash/fnv"
	"net/url"
	"strings"
	"time"
)

// account returns GitHub's simple user (organisations have that shape too), or
// an enterprise, which has no login.
func (l links) account(login, accountType string) map[string]any {
	id := accountID(login)
	if accountType == "Enterprise" {
		return map[string]any{
			"id": id, "node_id": accountNodeID(login, accountType), "slug": login, "name": login, "html_url": l.html + "/enterprises/" + login,
			"avatar_url": fmt.Sprintf("%s/avatars/b/%d", l.html, id), "description": nil, "website_url": nil,
			"created_at": timestamp(time.Unix(1<<30, 0)), "updated_at": timestamp(time.Unix(1<<30, 0)),
		}
	}
	user := l.api + "/users/" + url.PathEscape(login)
	return map[string]any{
		"login": login, "id": id, "node_id": accountNodeID(login, accountType), "avatar_url": fmt.Sprintf("%s/avatars/u/%d", l.html, id),
		"gravatar_id": "", "url": user, "html_url": l.html + accountPath(login, accountType), "followers_url": user + "/followers",
		"following_url": user + "/following{/other_user}", "gists_url": user + "/gists{/gist_id}",
		"starred_url": user + "/starred{/owner}{/repo}", "subscriptions_url": user + "/subscriptions",
		"organizations_url": user + "/orgs", "repos_url": user + "/repos", "events_url": user + "/events{/privacy}",
		"received_events_url": user + "/received_events", "type": accountType, "user_view_type": "public", "site_admin": false,
	}
}

// accountPath returns the path of an account's page.
func accountPath(login, accountType string) string {
	if accountType == "Bot" {
		return "/apps/" + strings.TrimSuffix(login, "[bot]")
	}
	return "/" + login
}

// publicUser returns GitHub's public user, who has told nothing.
func (l links) publicUser(login, accountType string) map[string]any {
	out := l.account(login, accountType)
	for _, name := range []string{"name", "company", "location", "email", "hireable", "bio"} {
		out[name] = nil
	}
	for _, name := range []string{"public_repos", "public_gists", "followers", "following"} {
		out[name] = 0
	}
	out["blog"], out["created_at"], out["updated_at"] = "", timestamp(time.Unix(1<<30, 0)), timestamp(time.Unix(1<<30, 0))
	return out
}

// accountNodeID returns the one node id that an account has.
func accountNodeID(login, accountType string) string {
	kinds := map[string]string{"Enterprise": "E", "Organization": "O", "Bot": "BOT", "User": "U"}
	return nodeID(kinds[accountType], accountID(login))
}

// accountID gives every login an id of its own that stays.
func accountID(login string) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.ToLower(login)))
	return int64(h.Sum32()>>1) + 1
}
