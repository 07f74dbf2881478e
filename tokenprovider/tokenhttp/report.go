package tokenhttp

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// The states of a platform that no provider is in.
const (
	stateUnknown       tokenprovider.State = "unknown"        // it doesn't report its status
	stateNotConfigured tokenprovider.State = "not_configured" // there is no provider
)

// states are all of them, from the best to the worst.
var states = []tokenprovider.State{
	stateUnknown, tokenprovider.StateEmpty, tokenprovider.StateFresh, tokenprovider.StateRefreshing, tokenprovider.StateDegraded,
	tokenprovider.StateFailing, stateNotConfigured,
}

// report is how a registry's mutators are doing: what the status page shows, and its JSON.
type report struct {
	State    tokenprovider.State `json:"state"` // the worst of the providers'
	Time     time.Time           `json:"time"`
	Mutators []mutatorReport     `json:"mutators"`
}

// mutatorReport is one mutator in a report. State and what follows are zero for one that provides no tokens.
type mutatorReport struct {
	provisionhook.Description
	State   tokenprovider.State   `json:"state,omitempty"`
	Message string                `json:"message,omitempty"` // the sentence for the last error's code
	Status  *tokenprovider.Status `json:"status,omitempty"`  // nil: it doesn't report one
}

// reportOf asks each mutator of reg for its status, which mints nothing and touches no network.
func reportOf(ctx context.Context, reg *provisionhook.Registry) report {
	rep := report{Time: time.Now().UTC().Truncate(time.Second), Mutators: []mutatorReport{}}
	mutators := reg.Mutators()
	for i, description := range reg.Describe()[:len(mutators)] { // they are only ever appended to
		m := mutatorReport{Description: description}
		if m.State, m.Status = statusOf(ctx, mutators[i]); m.State != "" {
			rep.State = worse(rep.State, m.State)
		}
		if m.Status != nil {
			m.Message = m.Status.LastErrorCode.Message()
		}
		rep.Mutators = append(rep.Mutators, m)
	}
	if rep.State == "" {
		rep.State = stateNotConfigured
	}
	return rep
}

// worse is the worse of two states. Any is worse than none, "".
func worse(a, b tokenprovider.State) tokenprovider.State {
	if slices.Index(states, a) > slices.Index(states, b) {
		return a
	}
	return b
}

// statusOf is the state of m and what it reports, if it provides tokens: "" if it doesn't, and stateUnknown with nothing
// if it doesn't report. One that reports a state that isn't known, or panics, isn't known to be well.
func statusOf(ctx context.Context, m provisionhook.EnvMutator) (tokenprovider.State, *tokenprovider.Status) {
	provider, forAll := provisionhook.As[tokenprovider.TokenProvider](m)
	if _, forEach := provisionhook.As[provisionhook.WorkspaceTokenProvider](m); !forAll && !forEach {
		return "", nil
	}
	var status tokenprovider.Status
	reported := false
	err := guard(ctx, slog.New(slog.DiscardHandler), "status", func() error {
		if forAll {
			status, reported = tokenprovider.StatusOf(provider)
		}
		if !reported {
			var reporter tokenprovider.StatusReporter
			if reporter, reported = provisionhook.As[tokenprovider.StatusReporter](m); reported {
				status = reporter.Status()
			}
		}
		if reported && !slices.Contains(states, status.State) {
			return errors.New("tokenhttp: the provider reports a state that isn't one")
		}
		return nil
	})
	if err != nil {
		status = tokenprovider.Status{LastError: err.Error(), LastErrorCode: tokenprovider.CodeInternal, State: tokenprovider.StateFailing}
		reported = true
	}
	if !reported {
		return stateUnknown, nil
	}
	for _, t := range []*time.Time{&status.ExpiresAt, &status.MintedAt, &status.RefreshAt, &status.LastErrorAt} {
		*t = sayable(*t)
	}
	return status.State, &status
}
