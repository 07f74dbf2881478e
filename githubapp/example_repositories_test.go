package githubapp_test

import (
	"context"
	"fmt"
	"log"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// A workspace with repositories of two organisations. Which of the two its token
// is for is chosen by what git or gh works on, and reaches the policy in ctx.
func ExampleRepositories() {
	github, opts, _ := fake()
	defer github.Close()
	github.AddInstallation(githubapptest.Installation{ID: 2000, AppID: opts.AppID, Account: "globex", Repositories: []string{"globex/rockets"}})
	app, err := githubapp.New(opts)
	if err != nil {
		log.Fatal(err)
	}
	policy, err := githubapp.Repositories(app, func(ctx context.Context, workspaceID string) ([]string, error) {
		return []string{"acme/widgets", "globex/rockets", "initech/x"}, nil // elsewhere: from the database
	}, map[string]string{"contents": "write"})
	if err != nil {
		log.Fatal(err)
	}
	for _, asked := range []string{"", "globex/rockets", "globex/secret", "initech/x"} {
		ctx := tokenprovider.WithRepository(context.Background(), asked) // elsewhere: tokenhttp.Handler or the gateway
		id, scope, err := policy(ctx, "ws-1")
		fmt.Printf("%q: installation %d, %s, code %q\n", asked, id, scope, tokenprovider.CodeOf(err))
	}
	// Output:
	// "": installation 42, repositories widgets; permissions contents: write, code ""
	// "globex/rockets": installation 2000, repositories rockets; permissions contents: write, code ""
	// "globex/secret": installation 0, everything, code "forbidden"
	// "initech/x": installation 0, everything, code "not_found"
}
