package githubapp

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyGitHubsOwnWordMakesAnInstallationSuspect(t *testing.T) {
	for _, c := range []struct {
		answer *APIError
		want   bool
	}{
		{&APIError{Status: 403, Message: "This installation has been suspended"}, true},
		{&APIError{Status: 404, Message: "Not Found"}, true},
		{&APIError{Status: 404, Message: "Integration not found"}, false}, // the app: a wrong id in a new release, say
		{&APIError{Status: 410, Message: "Gone"}, true},
		{&APIError{Status: 410}, false},
		{&APIError{Status: 404}, false}, // a gateway's page
		{&APIError{Status: 403, Message: "Forbidden"}, false},
		{&APIError{Status: 502, Message: "Not Found"}, false},
	} {
		refusal := c.answer.refusal()
		require.Equal(t, c.want, refusal.Suspended() || refusal.Gone(), c.answer)
	}
}
