package workspace

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

const modulePath = "github.com/molecule-ai/provisionkit"

func (c *Command) version(context.Context, []string) int {
	fmt.Fprintf(c.Stdout, "%s %s %s %s/%s\n", gitcredential.DefaultCommand, moduleVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return 0
}

// userAgent tells the platform which helpers are out there.
func userAgent() string {
	return gitcredential.DefaultCommand + "/" + moduleVersion()
}

// moduleVersion is the version of this module that the program was built with, "devel" for a build from its source tree.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	module := &info.Main
	for _, dep := range info.Deps {
		if dep.Path == modulePath {
			module = dep
		}
	}
	if module.Path != modulePath || module.Version == "" || module.Version == "(devel)" {
		return "devel"
	}
	return module.Version
}
