package workspace

import (
	"strings"

	leaf "github.com/molecule-ai/provisionkit/internal/wire"
)

// sentence returns err as one line for a person, without the name of the package
// that reads git's requests.
func sentence(err error) string {
	return leaf.OneLine(strings.TrimPrefix(err.Error(), "gitcredential: "), 500)
}
