// Command git-credential-provisionkit gives git, and whoever else asks, the
// live token of the workspace it runs in. Package workspace has its logic and
// its documentation; git-credential-provisionkit --help is the short form.
package main

import (
	"os"

	"github.com/molecule-ai/provisionkit/tokenprovider/workspace"
)

func main() {
	os.Exit(workspace.Main())
}
