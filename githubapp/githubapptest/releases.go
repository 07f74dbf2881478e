package githubapptest

import (
	"cmp"
	"fmt"
	"net/http"
)

// postRelease makes a release and, unless it is a draft, its tag. The server
// keeps no more of it than that.
func postRelease(c *call) (int, any, *apiError) {
	var asked struct {
		Tag               string `json:"tag_name"`
		Target            string `json:"target_commitish"`
		Name, Body        *string
		Draft, Prerelease bool
	}
	if refusal := c.read(&asked, "tag_name"); refusal != nil {
		return 0, nil, refusal
	}
	asked.Target = cmp.Or(asked.Target, defaultBranch)
	tag := "refs/tags/" + asked.Tag
	if _, exists := c.ref(tag); !exists && !asked.Draft {
		commit := c.resolve(asked.Target)
		if commit == "" || c.createRef(tag, commit) != nil {
			return 0, nil, &apiError{status: http.StatusUnprocessableEntity, message: "Validation Failed", details: []any{
				map[string]string{"resource": "Release", "code": "invalid", "field": "target_commitish"},
			}}
		}
	}
	id, now := c.server.newID(), timestamp(c.server.Now())
	self := c.api("/releases/" + fmt.Sprint(id))
	var published any = now
	if asked.Draft {
		published = nil
	}
	c.w.Header().Set("Location", self)
	return http.StatusCreated, map[string]any{
		"id": id, "node_id": nodeID("RE", id), "url": self, "html_url": c.html("/releases/tag/" + asked.Tag),
		"assets_url": self + "/assets", "upload_url": c.links.html + "/api/uploads/repos/" + c.repo.fullName() + "/releases/" + fmt.Sprint(id) + "/assets{?name,label}",
		"tarball_url": c.api("/tarball/" + asked.Tag), "zipball_url": c.api("/zipball/" + asked.Tag),
		"tag_name": asked.Tag, "target_commitish": asked.Target, "name": asked.Name, "body": asked.Body,
		"draft": asked.Draft, "prerelease": asked.Prerelease, "created_at": now, "published_at": published,
		"author": c.actor(), "assets": []any{},
	}, nil
}
