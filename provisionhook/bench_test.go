package provisionhook_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
)

// BenchmarkRun is a start of a workspace: an environment of 60 variables is built and mutators that set two variables
// each run on it. The metric x-bare-loop is its time as a multiple of the same start where the mutators are called in
// a loop on the map itself, in the same run: what the copies, the comparison and the records cost.
func BenchmarkRun(b *testing.B) {
	for _, n := range []int{1, 10, 50} {
		b.Run(fmt.Sprintf("mutators=%d", n), func(b *testing.B) {
			base := env{}
			for i := range 60 {
				base[fmt.Sprintf("VARIABLE_%02d", i)] = "a value of usual length, like a path"
			}
			reg := &provisionhook.Registry{}
			for i := range n {
				reg.Register(sets(fmt.Sprintf("m%d", i), fmt.Sprintf("M%d_URL", i), "https://example.com/", fmt.Sprintf("M%d_MODE", i), "on"))
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

// BenchmarkFirstTokenProvider is the lookup with 10 mutators of which the last has a token, two wrappers deep. The
// metric x-type-assertion is its time as a multiple of one type assertion in the same run.
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
