package clienttest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

// The levels that a permission can have at all. Each is asked of each permission.
var levels = []string{"read", "write", "admin"}

func TestTheFakeHasThePermissionsThatGitHubHas(t *testing.T) {
	f := newFake(t, nil)
	described := f.witness.description.doc.Components.Schemas["app-permissions"].Value.Properties
	require.NotEmpty(t, described)

	all := map[string]string{}
	for name, schema := range described {
		var highest string
		for _, level := range levels {
			if slices.Contains(schema.Value.Enum, any(level)) {
				highest = level
			}
		}
		all[name] = highest
	}
	f.AddInstallation(githubapptest.Installation{ID: acme, AppID: appID, Account: "acme", Permissions: all}) // panics on an unknown one
	for name, schema := range described {
		for _, level := range levels {
			resp, answer := f.do("POST", mintAcme, f.app(), fmt.Sprintf(`{"permissions":{%q:%q}}`, name, level))
			if slices.Contains(schema.Value.Enum, any(level)) {
				require.Equal(t, 201, resp.StatusCode, "%s: %s: %s", name, level, answer)
			} else {
				require.Equal(t, 422, resp.StatusCode, "%s: %s", name, level)
			}
		}
	}
	resp, _ := f.do("POST", mintAcme, f.app(), `{"permissions":{"invented":"read"}}`)
	require.Equal(t, 422, resp.StatusCode)
}
