package githubapptest

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/graphql"
)

// graphQLRepository returns a repository as GraphQL has it, as far as the
// session may see it.
func (s *Server) graphQLRepository(repo *repository, session session) graphql.Object {
	path := "/" + repo.fullName()
	owner, inOrganization := s.graphQLOwner(repo.owner, session.through(repo))
	may := func(permission, level string) bool { return session.may(repo, permission, level) }
	out := graphql.Object{
		"id": nodeID("R", repo.id), "databaseId": repo.id, "name": repo.name, "nameWithOwner": repo.fullName(), "owner": owner,
		"url": s.URL + path, "resourcePath": path, "sshUrl": "git@" + repo.fullName() + ".git",
		"openGraphImageUrl": s.URL + "/opengraph" + path, "usesCustomOpenGraphImage": false,
		"createdAt": timestamp(repo.createdAt), "updatedAt": timestamp(repo.createdAt), "pushedAt": timestamp(repo.createdAt),
		"diskUsage": 1, "visibility": "PRIVATE", "isPrivate": true, "isEmpty": repo.dir == "", "isInOrganization": inOrganization,

		"hasIssuesEnabled": true, "hasProjectsEnabled": true, "hasWikiEnabled": true, "hasDiscussionsEnabled": false,
		"isBlankIssuesEnabled": true, "mergeCommitAllowed": true, "rebaseMergeAllowed": true, "squashMergeAllowed": true,
		"deleteBranchOnMerge": false, "isSecurityPolicyEnabled": false,

		"viewerCanAdminister": may("administration", "write"), "viewerDefaultMergeMethod": "MERGE", "viewerHasStarred": false,

		"contactLinks": []graphql.Object{}, "fundingLinks": []graphql.Object{}, "issueTemplates": []graphql.Object{},
		"pullRequestTemplates": []graphql.Object{}, "forkCount": 0, "stargazerCount": 0,
	}
	for _, name := range []string{
		"isArchived", "isDisabled", "isFork", "isLocked", "isMirror", "isTemplate", "isUserConfigurationRepository",
	} {
		out[name] = false
	}
	for _, name := range []string{
		"assignableUsers", "issues", "labels", "languages", "mentionableUsers", "milestones", "projects", "projectsV2",
		"pullRequests", "repositoryTopics", "watchers",
	} {
		out[name] = graphql.Object{
			"nodes": []graphql.Object{}, "edges": []graphql.Object{}, "totalCount": 0, "totalSize": 0,
			"pageInfo": graphql.Object{"hasNextPage": false, "hasPreviousPage": false},
		}
	}
	switch {
	case may("contents", "write"):
		out["viewerPermission"] = "WRITE"
	case may("contents", "read"):
		out["viewerPermission"] = "READ"
	}
	if repo.dir != "" {
		out["defaultBranchRef"] = s.graphQLRef(repo, "refs/heads/"+defaultBranch)
	}
	out["ref"] = graphql.Func(func(arguments map[string]any) (any, *graphql.Error) {
		return s.graphQLRef(repo, arguments["qualifiedName"].(string)), nil
	})
	out["pullRequest"] = graphql.Func(func(arguments map[string]any) (any, *graphql.Error) {
		number := int(arguments["number"].(int64))
		p, ok := s.pull(repo, number)
		if !ok {
			return nil, &graphql.Error{Type: "NOT_FOUND", Message: fmt.Sprintf("Could not resolve to a PullRequest with the number of %d.", number)}
		}
		return graphQLPull(repo, number, p), nil
	})
	for name, permission := range map[string]string{
		"defaultBranchRef": "contents", "issues": "issues", "latestRelease": "contents", "pullRequest": "pull_requests",
		"pullRequests": "pull_requests", "ref": "contents",
	} {
		if !may(permission, "read") {
			out[name] = graphql.Func(func(map[string]any) (any, *graphql.Error) { return nil, graphQLError(errNotAccessible) })
		}
	}
	return out
}

// graphQLRef returns a ref by its full name, with or without the refs/ of all;
// nil when there is none.
func (s *Server) graphQLRef(repo *repository, name string) any {
	tools, err := s.gitTools()
	if err != nil || repo.dir == "" {
		return nil
	}
	found, ok := bare{tools, filepath.Join(s.gitRoot, repo.dir)}.ref("refs/" + strings.TrimPrefix(name, "refs/"))
	if !ok {
		return nil
	}
	parts := strings.SplitAfterN(found.name, "/", 3)
	return graphql.Object{
		"id": nodeID("REF", repo.id, found.name), "name": parts[2], "prefix": parts[0] + parts[1],
		"target": s.graphQLCommit(repo, found.object),
	}
}

func (s *Server) graphQLCommit(repo *repository, id string) graphql.Object {
	return graphql.Object{
		"__typename": "Commit", "id": nodeID("C", repo.id, id), "oid": id, "url": s.URL + "/" + repo.fullName() + "/commit/" + id,
	}
}

func graphQLPull(repo *repository, number int, p pullRequest) graphql.Object {
	state := "OPEN"
	if p.merged {
		state = "MERGED"
	}
	return graphql.Object{
		"id": nodeID("PR", repo.id, strconv.Itoa(number)), "number": number, "title": p.title, "state": state,
		"headRefName": p.head, "baseRefName": p.base,
	}
}

// defaultBranch is that of every repository.
const defaultBranch = "main"

// graphQLOwner returns the account of a repository, an organisation where that
// is an enterprise's.
func (s *Server) graphQLOwner(login string, i *installation) (owner graphql.Object, organization bool) {
	kind := "Organization"
	if i.AccountType == "User" {
		kind = "User"
	}
	id := accountID(login)
	owner = graphql.Object{
		"__typename": kind, "id": accountNodeID(login, kind), "databaseId": id, "login": login, "email": "", "isViewer": false,
		"avatarUrl": fmt.Sprintf("%s/avatars/u/%d", s.URL, id), "resourcePath": "/" + login, "url": s.URL + "/" + login,
	}
	return owner, kind == "Organization"
}
