package githubapptest

import (
	"fmt"
	"slices"
	"strconv"
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
	merge              merge // once it is merged
	comments           []comment
}

// merge is how a pull request was merged.
type merge struct {
	commit             string
	at                 time.Time
	login, accountType string // of who merged it
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
