//go:build unix

package workspace_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/molecule-ai/provisionkit/tokenprovider/workspace"
)

// A program that can't ask a credential helper runs with a live token in its
// environment.
func ExampleCommand_exec() {
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"token":"the-token"}`)
	}))
	defer platform.Close()

	command := &workspace.Command{
		Args: []string{
			"git-credential-provisionkit", "exec", "--", "sh", "-c", "echo $GH_TOKEN; exit 3",
		},
		Environ: append(os.Environ(),
			"PROVISIONKIT_URL="+platform.URL+"/workspaces/ws-1/token",
			"PROVISIONKIT_BEARER=the-bearer",
			"GH_TOKEN=a-dead-token",
		),
		Stdout: os.Stdout,
		Stderr: os.Stderr,
	}
	fmt.Println(command.Run(context.Background()))
	// Output:
	// the-token
	// 3
}
