package workspace

import (
	"context"
	"fmt"
	"runtime"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/self"
)

// version prints what was built, and for what.
func version(_ context.Context, p *process.Process, _ []string) int {
	fmt.Fprintf(p.Stdout, "%s %s %s %s/%s\n", gitcredential.DefaultCommand,
		self.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return 0
}
