package githubapptest

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/graphql"
)

// mutation is one of GraphQL's that moves a branch, and the permission that it
// takes at the level write.
type mutation struct {
	permission string
	run        func(c *call, in input) (payload graphql.Object, refusal *apiError)

	// kind and member say where the input names what is changed: by a node id
	// of that kind.
	kind, member string
}

// allMutations are GitHub's, by name. To merge a pull request's base into its
// branch, and to have a pull request merged once it can be, takes no more than
// pull_requests: write.
var allMutations = map[string]mutation{
	"createCommitOnBranch":       {"contents", createCommitOnBranch, "", "branch"},
	"createRef":                  {"contents", createRefByNode, "R", "repositoryId"},
	"updateRef":                  {"contents", updateRefByNode, "REF", "refId"},
	"deleteRef":                  {"contents", deleteRefByNode, "REF", "refId"},
	"mergeBranch":                {"contents", mergeBranchByNode, "R", "repositoryId"},
	"mergePullRequest":           {"contents", mergePullByNode, "PR", "pullRequestId"},
	"enablePullRequestAutoMerge": {"pull_requests", mergePullByNode, "PR", "pullRequestId"},
	"updatePullRequestBranch":    {"pull_requests", updatePullByNode, "PR", "pullRequestId"},
}

// input is the argument of a mutation, as the schema has it.
type input struct {
	members map[string]any
	within  string // what the node id names in the repository: a ref, a pull request's number
}

func (in input) text(name string) string { text, _ := in.members[name].(string); return text }

func (in input) object(name string) input {
	members, _ := in.members[name].(map[string]any)
	return input{members: members}
}

func (in input) list(name string) (all []input) {
	list, _ := in.members[name].([]any)
	for _, each := range list {
		all = append(all, input{members: each.(map[string]any)})
	}
	return all
}

// mutations returns where the mutations of a session start.
func (s *Server) mutations(w http.ResponseWriter, r *http.Request, session session) graphql.Object {
	root := graphql.Object{}
	for name, m := range allMutations {
		root[name] = graphql.Func(func(arguments map[string]any) (any, *graphql.Error) {
			in := input{members: arguments["input"].(map[string]any)}
			repo, within, ok := s.changed(m, in)
			if !ok || !session.reaches(repo) {
				return nil, &graphql.Error{Type: "NOT_FOUND", Message: fmt.Sprintf("Could not resolve to a node with the global id of '%s'", in.text(m.member))}
			}
			in.within = within
			c, refusal := s.call(w, r, repo, session, m.permission, "write")
			if refusal != nil {
				return nil, graphQLError(refusal)
			}
			payload, refusal := m.run(c, in)
			if refusal != nil {
				return nil, graphQLError(refusal)
			}
			payload["clientMutationId"] = in.members["clientMutationId"]
			return payload, nil
		})
	}
	return root
}

// changed returns the repository that a mutation changes, and what in it.
func (s *Server) changed(m mutation, in input) (repo *repository, within string, ok bool) {
	id := in.text(m.member)
	if m.kind == "" { // a branch by its node id or by name
		branch := in.object(m.member)
		if fullName := branch.text("repositoryNameWithOwner"); fullName != "" {
			repo, _, err := s.repositoryByName(fullName)
			return repo, "refs/heads/" + branch.text("branchName"), err == nil
		}
		m.kind, id = "REF", branch.text("id")
	}
	number, within, ok := readNodeID(m.kind, id)
	if ok {
		repo, ok = s.repositoryByID(number)
	}
	return repo, within, ok
}

// graphQLError returns a refusal in GraphQL's words.
func graphQLError(refusal *apiError) *graphql.Error {
	switch refusal {
	case errNotAccessible:
		return &graphql.Error{Type: "FORBIDDEN", Message: refusal.message, Extensions: map[string]any{"saml_failure": false}}
	case errNotFound:
		return &graphql.Error{Type: "NOT_FOUND", Message: refusal.message}
	}
	return &graphql.Error{Type: "UNPROCESSABLE", Message: refusal.message}
}

func createCommitOnBranch(c *call, in input) (graphql.Object, *apiError) {
	tip, expected := c.resolve(in.within), in.text("expectedHeadOid")
	if tip == "" || tip != expected {
		return nil, unprocessable(fmt.Sprintf("Expected branch to point to %q but it did not. Pull and try again.", expected))
	}
	var changes []fileChange
	files := in.object("fileChanges")
	for _, file := range files.list("additions") {
		content, err := base64.StdEncoding.DecodeString(file.text("contents"))
		if err != nil {
			return nil, unprocessable("contents is not valid Base64")
		}
		changes = append(changes, fileChange{path: file.text("path"), content: content})
	}
	for _, file := range files.list("deletions") {
		changes = append(changes, fileChange{path: file.text("path"), deleted: true})
	}
	message := in.object("message")
	text := strings.TrimSpace(message.text("headline") + "\n\n" + message.text("body"))
	commit, refusal := c.change(strings.TrimPrefix(in.within, "refs/heads/"), tip, text, changes...)
	if refusal != nil {
		return nil, refusal
	}
	return graphql.Object{"commit": c.server.graphQLCommit(c.repo, commit), "ref": c.server.graphQLRef(c.repo, in.within)}, nil
}

func createRefByNode(c *call, in input) (graphql.Object, *apiError) {
	refusal := c.createRef(in.text("name"), in.text("oid"))
	return graphql.Object{"ref": c.server.graphQLRef(c.repo, in.text("name"))}, refusal
}

func updateRefByNode(c *call, in input) (graphql.Object, *apiError) {
	refusal := c.updateRef(in.within, in.text("oid"), in.members["force"] == true)
	return graphql.Object{"ref": c.server.graphQLRef(c.repo, in.within)}, refusal
}

func deleteRefByNode(c *call, in input) (graphql.Object, *apiError) {
	return graphql.Object{}, c.deleteRef(in.within)
}

func mergeBranchByNode(c *call, in input) (graphql.Object, *apiError) {
	commit, err := c.mergeBranch(in.text("base"), in.text("head"), in.text("commitMessage"))
	switch {
	case err == errNothingNew:
		return graphql.Object{}, nil
	case err != nil:
		return nil, mergeRefusal(err)
	}
	return graphql.Object{"mergeCommit": c.server.graphQLCommit(c.repo, commit)}, nil
}

// mergePullByNode merges a pull request, also one that is to be merged as soon
// as it can be: nothing here keeps it from that.
func mergePullByNode(c *call, in input) (graphql.Object, *apiError) {
	return c.pullByNode(in, func(number int, p pullRequest) *apiError {
		if expected := in.text("expectedHeadOid"); cmp.Or(expected, c.resolve("refs/heads/"+p.head)) != c.resolve("refs/heads/"+p.head) {
			return errHeadModified
		}
		_, refusal := c.mergePull(number, p, in.text("commitHeadline"), in.text("commitBody"))
		return refusal
	})
}

func updatePullByNode(c *call, in input) (graphql.Object, *apiError) {
	return c.pullByNode(in, func(_ int, p pullRequest) *apiError { return c.updatePull(p, in.text("expectedHeadOid")) })
}

func (c *call) pullByNode(in input, do func(number int, p pullRequest) *apiError) (graphql.Object, *apiError) {
	number, _ := strconv.Atoi(in.within)
	p, ok := c.server.pull(c.repo, number)
	if !ok {
		return nil, errNotFound
	}
	if refusal := do(number, p); refusal != nil {
		return nil, refusal
	}
	p, _ = c.server.pull(c.repo, number)
	return graphql.Object{"pullRequest": graphQLPull(c.repo, number, p)}, nil
}
