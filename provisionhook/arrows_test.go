package provisionhook_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func TestThisPackageImportsTokenproviderAndLeavesOnly(t *testing.T) {
	const module = "github.com/molecule-ai/provisionkit/"
	tool := testutil.NeedTool(t, "go")
	output, err := exec.CommandContext(t.Context(), tool, "list", "-deps", ".").Output()
	require.NoError(t, err)
	var ours, others []string
	for name := range strings.Lines(string(output)) {
		name = strings.TrimSpace(name)
		host, _, _ := strings.Cut(name, "/")
		switch {
		case strings.HasPrefix(name, module+"internal/"): // a leaf, which imports nothing of ours
		case strings.HasPrefix(name, module):
			ours = append(ours, strings.TrimPrefix(name, module))
		case strings.Contains(host, "."):
			others = append(others, name)
		}
	}
	require.Subset(t, []string{
		"tokenprovider", "provisionhook",
		"internal/foreign", "internal/secret", "internal/seal", "internal/wire",
	}, ours)
	require.Contains(t, ours, "provisionhook")
	// The token provider's single flight is all that comes from elsewhere.
	for _, name := range others {
		require.Equal(t, "golang.org/x/sync/singleflight", name)
	}
}
