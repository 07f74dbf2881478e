package githubapp

import (
	"errors"
	"testing"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestOnlyGitHubsOwnWordMakesAnInstallationDead(t *testing.T) {
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
		require.Equal(t, c.want, saysDead(&tokenprovider.Error{Err: c.answer}), c.answer)
	}
	require.False(t, saysDead(errors.New("no answer")))
}
