package statuspage

import (
	"context"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// maxUsage bounds the lists of a usage, whoever reports it.
const maxUsage = 100

// usageOf returns what forges let the mutators of reg do, each name once.
func usageOf(ctx context.Context, reg *provisionhook.Registry) (all []tokenprovider.Usage) {
	seen := make(map[string]bool)
	for _, m := range reg.Mutators() {
		ask := func(context.Context) (*tokenprovider.Usage, error) { return usageBy(m), nil }
		usage, err := foreign.Within(ctx, "the usage", ask)
		if err != nil || usage == nil || seen[usage.Name] {
			continue
		}
		seen[usage.Name] = true
		all = append(all, *usage)
	}
	return all
}

// usageBy asks m for its usage: as a mutator, or as a provider. It returns nil
// when it doesn't report one.
func usageBy(m provisionhook.EnvMutator) *tokenprovider.Usage {
	var usage tokenprovider.Usage
	if reporter, ok := provisionhook.As[tokenprovider.UsageReporter](m); ok {
		usage = reporter.Usage()
	} else if provider, ok := provisionhook.As[tokenprovider.TokenProvider](m); ok {
		if usage, ok = tokenprovider.UsageOf(provider); !ok {
			return nil
		}
	} else {
		return nil
	}
	shown := tokenprovider.Usage{Name: usage.Name, Waiting: usage.Waiting}
	for _, l := range usage.Limits[:min(len(usage.Limits), maxUsage)] {
		l.Reset, l.SeenAt = wire.Sayable(l.Reset), wire.Sayable(l.SeenAt)
		shown.Limits = append(shown.Limits, l)
	}
	for _, h := range usage.Holds[:min(len(usage.Holds), maxUsage)] {
		h.Until = wire.Sayable(h.Until)
		shown.Holds = append(shown.Holds, h)
	}
	return &shown
}

// usageView is a usage in the words of the page.
type usageView struct {
	Name    string
	Waiting int
	Limits  []limitView
	Holds   []holdView
}

type limitView struct {
	Subject          string
	Remaining, Limit int
	Reset, Seen      *moment
}

type holdView struct {
	Subject, Code string
	Until         *moment
}

func newUsageView(u tokenprovider.Usage, now time.Time) usageView {
	v := usageView{Name: shownName(u.Name), Waiting: u.Waiting}
	for _, l := range u.Limits {
		v.Limits = append(v.Limits, limitView{
			visible(l.Subject, 100), l.Remaining, l.Limit, newMoment(l.Reset, now), newMoment(l.SeenAt, now),
		})
	}
	for _, h := range u.Holds {
		v.Holds = append(v.Holds, holdView{visible(h.Subject, 200), visible(string(h.Code), 100), newMoment(h.Until, now)})
	}
	return v
}
