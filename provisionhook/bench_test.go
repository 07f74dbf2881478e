package provisionhook_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
)

// BenchmarkRun starts a workspace: it builds an environment of 60 variables and
// runs mutators on it that set two variables each. The metric x-bare-loop is
// its time as a multiple of the same start in the same run, where the mutators
// are called in a loop on the map itself: what the copies, the comparison and
// the records cost.
func BenchmarkRun(b *testing.B) {
	for _, n := range []int{1, 10, 50} {
		b.Run(fmt.Sprintf("mutators=%d", n), func(b *testing.B) {
			base := env{}
			for i := range 60 {
				base[fmt.Sprintf("VARIABLE_%02d", i)] = "a value of usual length, like a path"
			}
			reg := &provisionhook.Registry{}
			for i := range n {
				reg.Register(sets(fmt.Sprintf("m%d", i),
					fmt.Sprintf("M%d_URL", i), "https://example.com/", fmt.Sprintf("M%d_MODE", i), "on"))
			}
			ctx := context.Background()

			b.ReportAllocs()
			for b.Loop() {
				if err := reg.Run(ctx, "ws", maps.Clone(base)); err != nil {
					b.Fatal(err)
				}
			}
			run := b.Elapsed() / time.Duration(b.N)

			mutators := reg.Mutators()
			start := time.Now()
			for range b.N {
				e := maps.Clone(base)
				for _, m := range mutators {
					if err := m.MutateEnv(ctx, "ws", e); err != nil {
						b.Fatal(err)
					}
				}
			}
			bare := time.Since(start) / time.Duration(b.N)
			b.ReportMetric(float64(run)/float64(bare), "x-bare-loop")
			b.ReportMetric(float64((run-bare).Nanoseconds())/float64(n), "ns-extra/mutator")
		})
	}
}

// BenchmarkPolicy plans a workspace for which one mutator sets many variables,
// under a policy of every check that this package has. The metric x-no-policy
// is its time as a multiple of the same plan without a policy, in the same run;
// it is the same for any number of variables.
func BenchmarkPolicy(b *testing.B) {
	for _, n := range []int{1_000, 16_000} {
		b.Run(fmt.Sprintf("variables=%d", n), func(b *testing.B) {
			var pairs []string
			for i := range n {
				pairs = append(pairs, fmt.Sprint("VARIABLE_", i), "a value of usual length, like a path")
			}
			free := registry(sets("m", pairs...))
			bound := provisionhook.NewRegistry(provisionhook.Protect("PATH", "LD_*"),
				provisionhook.NoOverride(),
				provisionhook.PortableNames(), provisionhook.MaxSize(1<<17, 1<<20))
			bound.Register(free.Mutators()...)
			plan := func(reg *provisionhook.Registry) {
				if _, err := reg.Plan(context.Background(), "ws", nil); err != nil {
					b.Fatal(err)
				}
			}

			b.ReportAllocs()
			for b.Loop() {
				plan(bound)
			}
			checked := b.Elapsed()
			b.ReportMetric(float64(checked.Nanoseconds())/float64(b.N)/float64(n), "ns/variable")

			start := time.Now()
			for range b.N {
				plan(free)
			}
			b.ReportMetric(float64(checked)/float64(time.Since(start)), "x-no-policy")
		})
	}
}

// BenchmarkFirstTokenProvider looks the provider up among 10 mutators of which
// the last has a token, two wrappers deep. The metric x-type-assertion is its
// time as a multiple of one type assertion in the same run.
func BenchmarkFirstTokenProvider(b *testing.B) {
	reg := &provisionhook.Registry{}
	for range 9 {
		reg.Register(sets("plain"))
	}
	var provider provisionhook.EnvMutator = &auth{name: "auth", token: "t"}
	reg.Register(provisionhook.Timeout(&clear{provider}, time.Second))

	b.ReportAllocs()
	for b.Loop() {
		if reg.FirstTokenProvider() == nil {
			b.Fatal("no provider")
		}
	}
	lookup := b.Elapsed()

	start := time.Now()
	for range b.N {
		if _, ok := provider.(provisionhook.TokenProvider); !ok {
			b.Fatal("no provider")
		}
	}
	b.ReportMetric(float64(lookup)/float64(max(time.Since(start), 1)), "x-type-assertion")
}
