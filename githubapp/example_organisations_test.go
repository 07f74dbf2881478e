package githubapp_test

import (
	"context"
	"fmt"
	"log"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// One app that several organisations have installed: one App, and an
// Installation for each. They share the key, its signature and the rate limit,
// and nothing else: what is wrong with one delays no other.
func Example_organisations() {
	github, opts, acme := fake()
	defer github.Close()
	const globex, initech = 2000, 2001
	github.AddInstallation(githubapptest.Installation{ID: globex, AppID: opts.AppID, Account: "globex", Repositories: []string{"globex/rockets"}})
	github.AddInstallation(githubapptest.Installation{ID: initech, AppID: opts.AppID, Account: "initech"})
	github.Suspend(initech, true)

	app, err := githubapp.New(opts)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	// All of them, page by page.
	for info, err := range app.Installations(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		_, _, err := app.Installation(info.ID).Token(ctx)
		fmt.Printf("%s: suspended %t, code %q\n", info.Account, !info.SuspendedAt.IsZero(), tokenprovider.CodeOf(err))
	}

	// The one for a repository that a workspace is for. The owner is from the
	// platform's records, never from the workspace.
	info, err := app.FindInstallation(ctx, "globex/rockets")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.ID == globex, info.ID == acme)
	// Output:
	// acme: suspended false, code ""
	// globex: suspended false, code ""
	// initech: suspended true, code "forbidden"
	// true false
}
