package githubapp_test

import (
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
)

func TestTheProvidersKeepTheContract(t *testing.T) {
	t.Run("Installation", func(t *testing.T) {
		tokenprovidertest.Run(t, func(t *testing.T) tokenprovider.TokenProvider {
			return newGitHub(t, nil).app(t).Installation(installationID)
		})
	})
	t.Run("Mutator", func(t *testing.T) {
		tokenprovidertest.Run(t, func(t *testing.T) tokenprovider.TokenProvider {
			return githubapp.NewMutator(newGitHub(t, nil).app(t).Installation(installationID), nil)
		})
	})
}
