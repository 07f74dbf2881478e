package githubapptest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

var (
	errMergeConflict = &apiError{status: http.StatusConflict, message: "Merge conflict"}
	errNotMergeable  = &apiError{status: http.StatusMethodNotAllowed, message: "Pull Request is not mergeable"}
	errHeadModified  = &apiError{status: http.StatusConflict, message: "Head branch was modified. Review and try the merge again."}
)

// postMerge merges a branch or a commit into a branch.
func postMerge(c *call) (int, any, *apiError) {
	var asked struct {
		Base, Head string
		Message    string `json:"commit_message"`
	}
	if refusal := c.read(&asked, "base", "head"); refusal != nil {
		return 0, nil, refusal
	}
	commit, err := c.mergeBranch(asked.Base, asked.Head, asked.Message)
	switch {
	case err == errNothingNew:
		return http.StatusNoContent, nil, nil
	case err != nil:
		return 0, nil, mergeRefusal(err)
	}
	return http.StatusCreated, c.commitJSON(c.commitInfo(commit)), nil
}

// mergeBranch merges what head names into the branch base.
func (c *call) mergeBranch(base, head, message string) (commit string, err error) {
	from := c.resolve(head)
	switch {
	case c.resolve("refs/heads/"+base) == "":
		return "", &apiError{status: http.StatusNotFound, message: "Base does not exist"}
	case from == "":
		return "", &apiError{status: http.StatusNotFound, message: "Head does not exist"}
	case message == "":
		message = "Merge " + head + " into " + base
	}
	return c.merge(base, from, message, c.author())
}

// mergeRefusal returns the answer for a merge that couldn't be.
func mergeRefusal(err error) *apiError {
	if refusal, ok := errors.AsType[*apiError](err); ok {
		return refusal
	}
	if err == errConflict || err == errMoved {
		return errMergeConflict
	}
	return &apiError{status: http.StatusInternalServerError, message: err.Error()}
}

// putPullMerge merges a pull request.
func putPullMerge(c *call) (int, any, *apiError) {
	number, p, refusal := c.pull()
	if refusal != nil {
		return 0, nil, refusal
	}
	var asked struct {
		SHA     string
		Title   string `json:"commit_title"`
		Message string `json:"commit_message"`
	}
	if refusal := c.read(&asked); refusal != nil {
		return 0, nil, refusal
	}
	if asked.SHA != "" && asked.SHA != c.resolve("refs/heads/"+p.head) {
		return 0, nil, errHeadModified
	}
	commit, refusal := c.mergePull(number, p, asked.Title, asked.Message)
	if refusal != nil {
		return 0, nil, refusal
	}
	return http.StatusOK, map[string]any{"sha": commit, "merged": true, "message": "Pull Request successfully merged"}, nil
}

func (c *call) mergePull(number int, p pullRequest, title, message string) (commit string, refusal *apiError) {
	switch {
	case !c.mayPush():
		return "", errNotAccessible
	case p.merged:
		return "", errNotMergeable
	}
	if title == "" {
		title = fmt.Sprintf("Merge pull request #%d from %s/%s", number, c.repo.owner, p.head)
	}
	commit, err := c.mergeBranch(p.base, "refs/heads/"+p.head, strings.TrimSpace(title+"\n\n"+message))
	if err != nil {
		return "", errNotMergeable
	}
	how := merge{commit: commit, at: c.server.Now()}
	how.login, how.accountType = c.session.actor()
	c.server.changePull(c.repo, number, func(p *pullRequest) { p.merged, p.merge = true, how })
	return commit, nil
}

// putPullBranch merges a pull request's base into its branch.
func putPullBranch(c *call) (int, any, *apiError) {
	_, p, refusal := c.pull()
	if refusal != nil {
		return 0, nil, refusal
	}
	var asked struct {
		Expected string `json:"expected_head_sha"`
	}
	if refusal := c.read(&asked); refusal != nil {
		return 0, nil, refusal
	}
	if refusal := c.updatePull(p, asked.Expected); refusal != nil {
		return 0, nil, refusal
	}
	return http.StatusAccepted, map[string]string{
		"message": "Updating pull request branch.", "url": c.html("/pull/" + c.request.PathValue("number")),
	}, nil
}

func (c *call) updatePull(p pullRequest, expected string) *apiError {
	if !c.mayPush() {
		return errNotAccessible
	}
	if expected != "" && expected != c.resolve("refs/heads/"+p.head) {
		return unprocessable("expected head sha didn't match current head ref.")
	}
	_, err := c.mergeBranch(p.head, "refs/heads/"+p.base, "Merge branch '"+p.base+"' into "+p.head)
	switch {
	case err == errNothingNew:
		return unprocessable("There are no new commits on the base branch.")
	case err != nil:
		return unprocessable("merge conflict between base and head")
	}
	return nil
}
