package statuspage

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// The states of a platform that no provider is in.
const (
	stateUnknown       tokenprovider.State = "unknown"        // it doesn't report its status
	stateNotConfigured tokenprovider.State = "not_configured" // there is no provider
)

// report says how a registry's mutators are doing: what the page shows, and its
// JSON.
type report struct {
	State    tokenprovider.State   `json:"state"` // of the platform
	Time     time.Time             `json:"time"`
	Mutators []mutatorReport       `json:"mutators"`
	Usage    []tokenprovider.Usage `json:"usage,omitempty"` // of the forges, once for each name
}

// mutatorReport is one mutator in a report. State and what follows are zero for
// one that provides no tokens.
type mutatorReport struct {
	provisionhook.Description
	State   tokenprovider.State   `json:"state,omitempty"`
	Message string                `json:"message,omitempty"` // the sentence for the last error's code
	Status  *tokenprovider.Status `json:"status,omitempty"`  // nil: it doesn't report one
}

// reportOf asks each mutator of reg for its status, which mints nothing and
// touches no network.
func reportOf(ctx context.Context, reg *provisionhook.Registry) report {
	rep := report{Time: time.Now().UTC().Truncate(time.Second), Mutators: []mutatorReport{}}
	var states []tokenprovider.State
	mutators := reg.Mutators()
	for i, description := range reg.Describe()[:len(mutators)] { // they are only ever appended to
		m := mutatorReport{Description: description}
		if provides(mutators[i]) {
			m.State = stateUnknown
			m.Status = statusOf(ctx, mutators[i])
		}
		if m.Status != nil {
			m.State = judge(*m.Status)
			m.Message = m.Status.LastErrorCode.Message()
		}
		if m.State != "" {
			states = append(states, m.State)
		}
		rep.Mutators = append(rep.Mutators, m)
	}
	rep.State = platformState(states)
	return rep
}

// judge returns the state that s stands for. Of many tokens the worst doesn't
// decide: one customer who suspends the app is no outage.
func judge(s tokenprovider.Status) tokenprovider.State {
	switch {
	case s.Of <= 0:
		return s.State
	case s.Failing >= s.Of:
		return tokenprovider.StateFailing
	case s.Failing > 0 || s.State == tokenprovider.StateFailing:
		return tokenprovider.StateDegraded
	}
	return s.State
}

// platformState returns the state of a platform whose providers are in those
// states: failing where each of them is.
func platformState(providers []tokenprovider.State) tokenprovider.State {
	if len(providers) == 0 {
		return stateNotConfigured
	}
	known := slices.DeleteFunc(slices.Clone(providers), func(s tokenprovider.State) bool { return s == stateUnknown })
	if len(known) == 0 {
		return stateUnknown
	}
	well := func(s tokenprovider.State) bool { return s != tokenprovider.StateFailing }
	worst := tokenprovider.Worst(known...)
	if !well(worst) && slices.ContainsFunc(providers, well) {
		return tokenprovider.StateDegraded
	}
	return worst
}

// provides reports whether m has tokens, for all or for each workspace.
func provides(m provisionhook.EnvMutator) bool {
	_, forAll := provisionhook.As[tokenprovider.TokenProvider](m)
	_, forEach := provisionhook.As[tokenprovider.WorkspaceTokenProvider](m)
	return forAll || forEach
}

// statusOf returns what m reports; nil when it doesn't report. One whose report
// fails, or is of a state that isn't one, isn't known to be well and so is
// failing.
func statusOf(ctx context.Context, m provisionhook.EnvMutator) *tokenprovider.Status {
	ask := func(context.Context) (*tokenprovider.Status, error) { return reportedBy(m) }
	status, err := foreign.Within(ctx, "the status", ask)
	if err != nil {
		return &tokenprovider.Status{
			State:     tokenprovider.StateFailing,
			LastError: err.Error(), LastErrorCode: tokenprovider.CodeInternal,
		}
	}
	if status != nil {
		status.ExpiresAt, status.MintedAt = wire.Sayable(status.ExpiresAt), wire.Sayable(status.MintedAt)
		status.RefreshAt = wire.Sayable(status.RefreshAt)
		status.LastErrorAt = wire.Sayable(status.LastErrorAt)
	}
	return status
}

// reportedBy asks m for its status: as a provider, or as a mutator.
func reportedBy(m provisionhook.EnvMutator) (*tokenprovider.Status, error) {
	var status tokenprovider.Status
	var reports bool
	if provider, ok := provisionhook.As[tokenprovider.TokenProvider](m); ok {
		status, reports = tokenprovider.StatusOf(provider)
	}
	if !reports {
		reporter, ok := provisionhook.As[tokenprovider.StatusReporter](m)
		if !ok {
			return nil, nil
		}
		status = reporter.Status()
	}
	// Worst takes what isn't a state for worse than the worst one.
	worst := tokenprovider.StateFailing
	if status.State == "" || tokenprovider.Worst(status.State, worst) != worst {
		return nil, errors.New("statuspage: the provider reports a state that isn't one")
	}
	return &status, nil
}
