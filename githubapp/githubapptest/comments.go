package githubapptest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// comment is what somebody says in a pull request.
type comment struct {
	id                 int64
	login, accountType string
	body               string
	createdAt          time.Time
}

func listComments(c *call) (int, any, *apiError) {
	number, p, refusal := c.pull()
	if refusal != nil {
		return 0, nil, refusal
	}
	list := []map[string]any{} // never null
	for _, said := range paginate(c.w, c.request, p.comments) {
		list = append(list, c.commentJSON(number, said))
	}
	return http.StatusOK, list, nil
}

// postComment says something in the name of who asks for it.
func postComment(c *call) (int, any, *apiError) {
	number, _, refusal := c.pull()
	if refusal != nil {
		return 0, nil, refusal
	}
	var asked struct{ Body string }
	if refusal := c.read(&asked, "body"); refusal != nil {
		return 0, nil, refusal
	}
	said := comment{id: c.server.newID(), body: asked.Body, createdAt: c.server.Now()}
	said.login, said.accountType = c.session.actor()
	c.server.changePull(c.repo, number, func(p *pullRequest) { p.comments = append(slices.Clip(p.comments), said) })
	answer := c.commentJSON(number, said)
	c.w.Header().Set("Location", answer["url"].(string))
	return http.StatusCreated, answer, nil
}

// commentJSON returns GitHub's comment on an issue, which a pull request is
// too.
func (c *call) commentJSON(number int, said comment) map[string]any {
	at := timestamp(said.createdAt)
	return map[string]any{
		"id": said.id, "node_id": nodeID("IC", said.id), "url": c.api("/issues/comments/" + fmt.Sprint(said.id)),
		"html_url":  c.html(fmt.Sprintf("/pull/%d#issuecomment-%d", number, said.id)),
		"issue_url": c.api(fmt.Sprintf("/issues/%d", number)), "body": said.body, "created_at": at, "updated_at": at,
		"user": c.links.account(said.login, said.accountType), "author_association": "NONE", "performed_via_github_app": nil,
	}
}
