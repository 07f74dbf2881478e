// Command linked stands for a program of a platform's own that has the command
// linked into it, and for any that was built with this module.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace"
)

func main() {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	names := []string{gitcredential.DefaultCommand, "gh", "git-askpass-provisionkit"}
	if slices.Contains(names, name) && os.Getenv("LINKED_OWN") == "" {
		os.Exit(workspace.Main())
	}
	fmt.Println("the platform's own program")
}
