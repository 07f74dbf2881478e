package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
)

// tally is what one side saw: git by its exit codes, GitHub by its log of
// requests.
type tally struct {
	succeeded, refused int      // git commands
	mints              int      // requests for a token; only GitHub sees them
	tokens             []string // that worked, by SHA-256
	problems           []string
}

func (t *tally) worked(token string) {
	t.succeeded++
	if !slices.Contains(t.tokens, token) {
		t.tokens = append(t.tokens, token)
	}
}

func (t *tally) problem(format string, args ...any) {
	t.problems = append(t.problems, fmt.Sprintf(format, args...))
}

func (t *tally) String() string {
	return fmt.Sprintf("%d: %d succeeded, %d refused with 401",
		t.succeeded+t.refused, t.succeeded, t.refused)
}

// fromLog returns what GitHub saw. Each git command begins with info/refs:
// without a token, which is answered with 401 and isn't counted, and then with
// one.
func fromLog(requests []githubapptest.Request, dead string) tally {
	var t tally
	for _, r := range requests {
		begins := r.Git && path.Base(r.Path) == "refs"
		switch {
		case r.Git && r.TokenSHA256 == "":
		case begins && r.Status == http.StatusOK:
			t.worked(r.TokenSHA256)
		case begins && r.Status == http.StatusUnauthorized && r.TokenSHA256 == dead:
			t.refused++
		case strings.HasSuffix(r.Path, "/access_tokens") && r.Status == http.StatusCreated:
			t.mints++
		case r.Status != http.StatusOK:
			t.problem("GitHub answered %s %s with %d", r.Method, r.Path, r.Status)
		}
	}
	return t
}

// summarize prints both tallies, and returns an error if they differ or
// anything went otherwise than told.
func summarize(
	ctx context.Context, s *story, github *githubapptest.Server, p *platform, behind *workspaceDir, passed int,
	ws *workspaceDir, injected string,
) error {
	requests := github.Requests()
	through, git, log := fromLog(requests[:passed], ""), ws.tally, fromLog(requests[passed:], injected)
	problems := slices.Concat(behind.tally.problems, through.problems, git.problems, log.problems)
	expect := func(holds bool, format string, args ...any) {
		if !holds {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	expect(git.String() == log.String(), "git and GitHub disagree: %s, and %s", &git, &log)
	expect(slices.Equal(git.tokens, log.tokens), "git and GitHub disagree about which tokens worked")
	expect(git.refused == 1, "%d commands were refused, where the one with the dead token was due",
		git.refused)
	expect(len(git.tokens) > lives, "%d tokens worked, where more than %d were due in that time",
		len(git.tokens), lives)
	mints := through.mints + log.mints
	expect(mints == github.Mints(), "GitHub minted %d tokens but answered %d requests with one", github.Mints(), mints)
	expect(github.Signatures() == 1, "the App made %d signatures, where one was enough",
		github.Signatures())
	expect(p.refusals.Load() == 0, "the endpoint refused %d requests", p.refusals.Load())
	expect(behind.pushed(ctx, "agent/fix"), "what went through the gateway isn't what GitHub has")
	expect(ws.pushed(ctx, "main"), "what the workspace committed isn't what GitHub has")

	s.say("by the gateway   %s (git's exit codes)", behind.tally.throughGateway())
	s.say("by pulling       %s (git's exit codes)", &git)
	s.say("                 %s (GitHub's log)", &log)
	s.say("tokens           %d minted by GitHub, %d issued by the endpoint, %d worked for git",
		github.Mints(), p.issues.Load(), len(log.tokens))
	s.say("signatures       %d made with the App's key, which never left the platform",
		github.Signatures())
	s.say("failures: %d", len(problems))
	if len(problems) > 0 {
		return errors.New("this went wrong:\n  " + strings.Join(problems, "\n  "))
	}
	return nil
}
