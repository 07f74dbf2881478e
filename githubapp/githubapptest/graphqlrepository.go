package githubapptest

import (
	"fmt"

	"github.com/molecule-ai/provisionkit/internal/graphql"
)

// graphQLRepository returns a repository as GraphQL has it, as far as the
// session may see it.
func (s *Server) graphQLRepository(repo *repository, session session) graphql.Object {
	path := "/" + repo.fullName()
	owner, inOrganization := s.graphQLOwner(repo.owner, session.installation)
	may := func(permission, level string) bool { return session.token.may(session.installation, permission, level) }
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
		out["defaultBranchRef"] = graphql.Object{"id": nodeID("REF", repo.id), "name": defaultBranch, "prefix": "refs/heads/"}
	}
	for name, permission := range map[string]string{
		"defaultBranchRef": "contents", "issues": "issues", "latestRelease": "contents", "pullRequests": "pull_requests",
	} {
		if !may(permission, "read") {
			out[name] = graphql.Func(func(map[string]any) (any, *graphql.Error) {
				return nil, &graphql.Error{
					Type: "FORBIDDEN", Message: errNotAccessible.message, Extensions: map[string]any{"saml_failure": false},
				}
			})
		}
	}
	return out
}

// defaultBranch is that of every repository.
const defaultBranch = "main"

// graphQLOwner returns the account of a repository, an organisation where that
// is an enterprise's.
func (s *Server) graphQLOwner(login string, i *installation) (owner graphql.Object, organization bool) {
	kind, prefix := "Organization", "O"
	if i.AccountType == "User" {
		kind, prefix = "User", "U"
	}
	id := accountID(login)
	owner = graphql.Object{
		"__typename": kind, "id": nodeID(prefix, id), "databaseId": id, "login": login, "email": "", "isViewer": false,
		"avatarUrl": fmt.Sprintf("%s/avatars/u/%d", s.URL, id), "resourcePath": "/" + login, "url": s.URL + "/" + login,
	}
	return owner, kind == "Organization"
}
