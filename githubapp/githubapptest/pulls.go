package githubapptest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pullRequest wants the branch head in the branch base of the same repository.
type pullRequest struct {
	id                 int64
	head, base         string
	title              string
	body               *string
	draft              bool
	login, accountType string // of who opened it
	createdAt          time.Time
	merged             bool
	comments           []comment
}

// AddPullRequest opens a pull request that wants the branch head in the branch
// base, and returns its number, which counts from 1. It is by octocat and has
// the branch's name for a title; the API opens others.
func (s *Server) AddPullRequest(fullName, head, base string) (number int, err error) {
	dir := s.RepositoryDir(fullName)
	if dir == "" {
		return 0, fmt.Errorf("githubapptest: AddPullRequest: there is no repository %q with commits", fullName)
	}
	tools, err := s.gitTools()
	if err != nil {
		return 0, fmt.Errorf("githubapptest: %w", err)
	}
	for _, branch := range []string{head, base} {
		if _, ok := (bare{tools, dir}).ref("refs/heads/" + branch); !ok {
			return 0, fmt.Errorf("githubapptest: AddPullRequest: %s has no branch %q", fullName, branch)
		}
	}
	repo, _, err := s.repositoryByName(fullName)
	if err != nil {
		return 0, fmt.Errorf("githubapptest: AddPullRequest: %w", err)
	}
	return s.openPull(repo, pullRequest{head: head, base: base, title: head, login: "octocat", accountType: "User"}), nil
}

// openPull adds a pull request and returns its number.
func (s *Server) openPull(repo *repository, p pullRequest) (number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID++
	p.id, p.createdAt = s.nextID, time.Now().Add(s.clockOffset)
	s.pulls[repo.id] = append(slices.Clip(s.pulls[repo.id]), p)
	return len(s.pulls[repo.id])
}

// pull returns the repository's pull request of that number.
func (s *Server) pull(repo *repository, number int) (pullRequest, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pulls := s.pulls[repo.id]; number > 0 && number <= len(pulls) {
		return pulls[number-1], true
	}
	return pullRequest{}, false
}

// pullsOf returns all pull requests of the repository, the first first.
func (s *Server) pullsOf(repo *repository) []pullRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pulls[repo.id] // never changed in place
}

func (s *Server) changePull(repo *repository, number int, change func(*pullRequest)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := slices.Clone(s.pulls[repo.id])
	change(&changed[number-1])
	s.pulls[repo.id] = changed
}

// mayPush tells whether a person may move branches, which takes more of them
// than to say something in a pull request; an app's permissions say it all.
func (c *call) mayPush() bool {
	return c.session.user == nil || c.session.user.may(c.repo, "contents", "write")
}

func (c *call) pull() (number int, p pullRequest, refusal *apiError) {
	number, _ = strconv.Atoi(c.request.PathValue("number"))
	p, ok := c.server.pull(c.repo, number)
	if !ok {
		return 0, p, errNotFound
	}
	return number, p, nil
}

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
	c.server.changePull(c.repo, number, func(p *pullRequest) { p.merged = true })
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
