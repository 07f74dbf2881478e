package githubapp_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// roles are what a workspace may do, as a platform decides.
var roles = map[string]map[string]string{
	"reviewer":  {"contents": "read"},
	"developer": {"contents": "write"},
}

// Each workspace gets a token for its own repository and the permissions of its
// role. What the policy doesn't know gets none.
func Example_leastPrivilege() {
	github, opts, installationID := fake()
	defer github.Close()
	app, err := githubapp.New(opts)
	if err != nil {
		log.Fatal(err)
	}

	policy := func(ctx context.Context, _ string) (int64, githubapp.Scope, error) {
		workspace, _ := provisionhook.WorkspaceFrom(ctx)
		permissions, ok := roles[workspace.Labels["role"]]
		if !ok {
			return 0, githubapp.Scope{}, &tokenprovider.Error{
				Code: tokenprovider.CodeForbidden, Err: errors.New("the workspace has no role"),
			}
		}
		return installationID, githubapp.Scope{
			Repositories: []string{workspace.Labels["repository"]},
			Permissions:  permissions,
		}, nil
	}
	mutator, err := githubapp.NewWorkspaceMutator(app, policy, nil)
	if err != nil {
		log.Fatal(err)
	}
	registry := provisionhook.NewRegistry()
	registry.Register(mutator)

	// Before a workspace starts.
	for _, workspace := range []provisionhook.Workspace{
		{ID: "ws-1", Labels: map[string]string{"repository": "widgets", "role": "developer"}},
		{ID: "ws-2", Labels: map[string]string{"repository": "widgets"}},
	} {
		env := map[string]string{}
		ctx := provisionhook.WithWorkspace(context.Background(), workspace)
		if err := registry.Run(ctx, workspace.ID, env); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(workspace.ID, "widgets:", reach(github, env["GH_TOKEN"], "acme/widgets"), "gadgets:", reach(github, env["GH_TOKEN"], "acme/gadgets"))

		// When it is over, its token dies with it.
		if err := registry.Release(ctx, workspace.ID); err != nil {
			log.Fatal(err)
		}
		fmt.Println(workspace.ID, "released:", reach(github, env["GH_TOKEN"], "acme/widgets"))
	}
	// Output:
	// ws-1 widgets: 200 gadgets: 404
	// ws-1 released: 401
	// provisionhook "github-app-auth": githubapp: policy for workspace "ws-2": the workspace has no role
}

// reach returns GitHub's answer to a request for a repository with that token.
func reach(github *githubapptest.Server, token, repository string) int {
	req, err := http.NewRequest(http.MethodGet, github.URL+"/repos/"+repository, nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := github.Client().Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
