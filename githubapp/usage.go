package githubapp

import (
	"cmp"
	"slices"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

var _ tokenprovider.UsageReporter = (*App)(nil)

// maxUsage bounds the holds of a [tokenprovider.Usage].
const maxUsage = 100

// Usage returns the rate limits of the app and of its installations, as GitHub
// told them last; what isn't asked for at present, because GitHub refused it or
// can't be reached; and how many mints wait for their turn.
func (a *App) Usage() tokenprovider.Usage {
	limits, holds := a.client.Usage()
	holds = append(append(holds, a.facts.holds()...), a.accounts.holds()...)
	slices.SortFunc(limits, func(x, y tokenprovider.Limit) int {
		return cmp.Or(cmp.Compare(x.Remaining, y.Remaining), cmp.Compare(x.Subject, y.Subject))
	})
	slices.SortFunc(holds, func(x, y tokenprovider.Hold) int {
		return cmp.Or(y.Until.Compare(x.Until), cmp.Compare(x.Subject, y.Subject))
	})
	return tokenprovider.Usage{
		Name:    "GitHub App " + a.name,
		Limits:  limits, // of 100 subjects at most
		Holds:   holds[:min(len(holds), maxUsage)],
		Waiting: a.mints.Waiting(),
	}
}

// Usage returns what [App.Usage] does, and nothing without an Installation.
func (m *Mutator) Usage() tokenprovider.Usage {
	if m.installation == nil {
		return tokenprovider.Usage{Name: m.injection.name}
	}
	return m.installation.app.Usage()
}

// Usage returns what [App.Usage] does.
func (m *WorkspaceMutator) Usage() tokenprovider.Usage { return m.app.Usage() }
