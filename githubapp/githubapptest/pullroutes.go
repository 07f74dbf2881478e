package githubapptest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

func getPull(c *call) (int, any, *apiError) {
	number, p, refusal := c.pull()
	if refusal != nil {
		return 0, nil, refusal
	}
	return http.StatusOK, c.pullJSON(number, p), nil
}

// listPulls lists the newest first: the open ones, or those that state asks
// for, also by their branches head (as owner:branch) and base.
func listPulls(c *call) (int, any, *apiError) {
	query := c.request.URL.Query()
	numbers := []int{}
	pulls := c.server.pullsOf(c.repo)
	for n := len(pulls); n > 0; n-- {
		p := pulls[n-1]
		if state := query.Get("state"); state != "all" && (state == "closed") != p.merged {
			continue
		}
		if head := query.Get("head"); head != "" && !strings.EqualFold(head, c.label(p.head)) {
			continue
		}
		if base := query.Get("base"); base == "" || base == p.base {
			numbers = append(numbers, n)
		}
	}
	list := []map[string]any{} // never null
	for _, n := range paginate(c.w, c.request, numbers) {
		list = append(list, c.pullInList(n, pulls[n-1]))
	}
	return http.StatusOK, list, nil
}

// postPull opens a pull request in the name of who asks for it.
func postPull(c *call) (int, any, *apiError) {
	var asked struct {
		Title, Head, Base string
		Body              *string
		Draft             bool
	}
	if refusal := c.read(&asked, "title", "head", "base"); refusal != nil {
		return 0, nil, refusal
	}
	if owner, branch, ok := strings.Cut(asked.Head, ":"); ok && strings.EqualFold(owner, c.repo.owner) {
		asked.Head = branch
	}
	head, base := c.resolve("refs/heads/"+asked.Head), c.resolve("refs/heads/"+asked.Base)
	switch {
	case head == "":
		return 0, nil, invalidPull("head", "")
	case base == "":
		return 0, nil, invalidPull("base", "")
	case c.isAncestor(head, base):
		return 0, nil, invalidPull("", fmt.Sprintf("No commits between %s and %s", asked.Base, asked.Head))
	}
	for _, p := range c.server.pullsOf(c.repo) {
		if !p.merged && p.head == asked.Head && p.base == asked.Base {
			return 0, nil, invalidPull("", "A pull request already exists for "+c.label(asked.Head)+".")
		}
	}
	p := pullRequest{head: asked.Head, base: asked.Base, title: asked.Title, body: asked.Body, draft: asked.Draft}
	p.login, p.accountType = c.session.actor()
	number := c.server.openPull(c.repo, p)
	p, _ = c.server.pull(c.repo, number)
	answer := c.pullJSON(number, p)
	c.w.Header().Set("Location", answer["url"].(string))
	return http.StatusCreated, answer, nil
}

// invalidPull says which field of a new pull request is wrong, or why there can
// be none.
func invalidPull(field, message string) *apiError {
	detail := map[string]string{"resource": "PullRequest", "code": "invalid", "field": field}
	if message != "" {
		detail = map[string]string{"resource": "PullRequest", "code": "custom", "message": message}
	}
	return &apiError{status: http.StatusUnprocessableEntity, message: "Validation Failed", details: []any{detail}}
}

// label returns a branch with the account that it is of.
func (c *call) label(branch string) string { return c.repo.owner + ":" + branch }

// pullInList returns a pull request as GitHub lists it.
func (c *call) pullInList(number int, p pullRequest) map[string]any {
	self, html := c.api(fmt.Sprintf("/pulls/%d", number)), c.html(fmt.Sprintf("/pull/%d", number))
	issue := c.api(fmt.Sprintf("/issues/%d", number))
	repo := c.links.repository(c.repo, c.session)
	end := func(branch string) map[string]any {
		return map[string]any{
			"label": c.label(branch), "ref": branch, "sha": c.resolve("refs/heads/" + branch), "repo": repo, "user": repo["owner"],
		}
	}
	head, now := end(p.head), timestamp(p.createdAt)
	out := map[string]any{
		"id": p.id, "node_id": nodeID("PR", c.repo.id, fmt.Sprint(number)), "number": number, "state": "open", "locked": false,
		"title": p.title, "body": p.body, "draft": p.draft, "user": c.links.account(p.login, p.accountType),
		"author_association": "NONE", "url": self, "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch",
		"issue_url": issue, "commits_url": self + "/commits", "review_comments_url": self + "/comments",
		"review_comment_url": c.api("/pulls/comments{/number}"), "comments_url": issue + "/comments",
		"statuses_url": c.api("/statuses/" + head["sha"].(string)), "created_at": now, "updated_at": now, "closed_at": nil,
		"merged_at": nil, "merge_commit_sha": nil, "assignee": nil, "assignees": []any{}, "requested_reviewers": []any{},
		"requested_teams": []any{}, "labels": []any{}, "milestone": nil, "active_lock_reason": nil, "auto_merge": nil,
		"head": head, "base": end(p.base),
	}
	at := map[string]any{}
	for name, member := range map[string]string{
		"self": "url", "html": "html_url", "issue": "issue_url", "comments": "comments_url", "review_comments": "review_comments_url",
		"review_comment": "review_comment_url", "commits": "commits_url", "statuses": "statuses_url",
	} {
		at[name] = map[string]any{"href": out[member]}
	}
	out["_links"] = at
	if p.merged {
		at := timestamp(p.merge.at)
		out["state"], out["closed_at"], out["merged_at"], out["merge_commit_sha"] = "closed", at, at, p.merge.commit
	}
	return out
}

// pullJSON returns a pull request asked for by its number. Whether it can be
// merged isn't known before it is tried, as on GitHub for a while.
func (c *call) pullJSON(number int, p pullRequest) map[string]any {
	out := c.pullInList(number, p)
	base, head := "refs/heads/"+p.base, "refs/heads/"+p.head
	out["merged"], out["mergeable"], out["rebaseable"], out["mergeable_state"] = p.merged, nil, nil, "unknown"
	out["merged_by"], out["maintainer_can_modify"], out["comments"], out["review_comments"] = nil, false, len(p.comments), 0
	if p.merged {
		out["merged_by"], base = c.links.account(p.merge.login, p.merge.accountType), p.merge.commit+"^1"
	}
	commits, _ := c.git("rev-list", "--count", base+".."+head)
	out["commits"], _ = strconv.Atoi(commits)
	out["changed_files"], out["additions"], out["deletions"] = c.changed(base, head)
	return out
}

// changed counts the files and lines that differ between a commit and where
// another branched off from it.
func (b bare) changed(base, head string) (files, additions, deletions int) {
	out, _ := b.git("diff", "--numstat", base+"..."+head)
	for line := range strings.Lines(out) {
		fields := strings.Fields(line) // "-" for a binary file
		added, _ := strconv.Atoi(fields[0])
		deleted, _ := strconv.Atoi(fields[1])
		files, additions, deletions = files+1, additions+added, deletions+deleted
	}
	return files, additions, deletions
}
