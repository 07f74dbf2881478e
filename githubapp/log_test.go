package githubapp_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

func TestEveryLogRecordSaysWhichAppOrInstallationItIsAbout(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	g.mint(t, app.Installation(installationID))
	g.tokenError(t, app.Installation(999))
	g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: githubapptest.HTML(http.StatusBadGateway), Times: 1})
	app.Installation(installationID).Invalidate("another")
	g.tokenError(t, app.Installation(998))

	lines := strings.Split(strings.TrimSpace(g.output.String()), "\n")
	seen := 0
	for _, line := range lines {
		var record struct{ Msg, Provider, App string }
		if json.Unmarshal([]byte(line), &record) != nil {
			continue // the text of an error
		}
		require.NotEmpty(t, record.Provider+record.App, line)
		seen++
	}
	require.GreaterOrEqual(t, seen, 4)
	require.Contains(t, g.output.String(), `"installation":42`)
}
