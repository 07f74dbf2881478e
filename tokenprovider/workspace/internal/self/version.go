package self

import (
	"runtime/debug"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

const modulePath = "github.com/molecule-ai/provisionkit"

// UserAgent returns what tells the platform which helpers are out there.
func UserAgent() string { return gitcredential.DefaultCommand + "/" + Version() }

// Version returns the version of this module that the program was built with,
// "devel" for a build from its source tree.
func Version() string {
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
