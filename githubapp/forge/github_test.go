package forge_test

import (
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/stretchr/testify/require"
)

func TestOnlyTheAddressesOfGitHubsAPIAreTaken(t *testing.T) {
	for address, takes := range map[string]bool{
		"": true, "https://api.github.com": true, "https://api.acme.ghe.com": true, "https://github.acme.example/api/v3": true,
		"https://api.acme.example": false, "https://api.github.com/api/v3": false, "https://github.com": false,
		"http://api.github.com": false, "https://api.github.com?x=y": false, "https://github.acme.example/api": false,
	} {
		_, err := forge.GitHub(address)
		require.Equal(t, takes, err == nil, "%q: %v", address, err)
	}
}
