package peerbench

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func eachPeer(b *testing.B, run func(b *testing.B, p peer)) {
	for _, p := range peers {
		b.Run(p.name, func(b *testing.B) { run(b, p) })
	}
}

func background(n int, do func()) {
	var group sync.WaitGroup
	for range n {
		group.Go(do)
	}
	group.Wait()
}

// floor is the least that a read by wall time can cost.
func floor() getFunc {
	var token atomic.Pointer[string]
	token.Store(new("token"))
	return func(context.Context) (string, error) {
		if time.Now().IsZero() {
			return "", errDown
		}
		return *token.Load(), nil
	}
}

func reads(n int, get getFunc) {
	for range n {
		_, _ = get(context.Background())
	}
}

// BenchmarkRead reads a valid token, by turns with the floor; x-floor is the ratio.
func BenchmarkRead(b *testing.B) {
	for _, c := range []struct {
		name    string
		callers int
	}{{"serial", 1}, {"200-goroutines", 200}} {
		b.Run(c.name, func(b *testing.B) {
			eachPeer(b, func(b *testing.B, p peer) {
				u := &upstream{life: time.Hour}
				get, least := p.make(u.mint), floor()
				reads(1, get)
				b.ReportAllocs()
				var got, gotLeast time.Duration
				const each = 5_000
				for b.Loop() {
					started := time.Now()
					background(c.callers, func() { reads(each, least) })
					between := time.Now()
					background(c.callers, func() { reads(each, get) })
					gotLeast += between.Sub(started)
					got += time.Since(between)
				}
				b.ReportMetric(float64(got)/float64(b.N)/float64(each*c.callers), "ns/read")
				b.ReportMetric(float64(got)/float64(gotLeast), "x-floor")
				b.ReportMetric(0, "ns/op")
				if u.calls.Load() != 1 {
					b.Fatalf("%d mints for a valid token", u.calls.Load())
				}
			})
		})
	}
}

// herd is how long it takes until the last of n callers at once has its answer.
func herd(n int, get getFunc) time.Duration {
	start := make(chan struct{})
	var ready, callers sync.WaitGroup
	ready.Add(n)
	for range n {
		callers.Go(func() {
			ready.Done()
			<-start
			_, _ = get(context.Background())
		})
	}
	ready.Wait()
	started := time.Now()
	close(start)
	callers.Wait()
	return time.Since(started)
}

func benchmarkHerd(b *testing.B, callers int, broken bool) {
	eachPeer(b, func(b *testing.B, p peer) {
		var took time.Duration
		var mints int64
		for b.Loop() {
			u := &upstream{life: time.Hour}
			u.latency.Store(int64(50 * time.Millisecond))
			u.broken.Store(broken)
			took += herd(callers, p.make(u.mint))
			mints += u.calls.Load()
		}
		b.ReportMetric(float64(mints)/float64(b.N), "mints")
		b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N), "ms-last")
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkHerd is 10,000 callers that find no token; the mint takes 50 ms.
func BenchmarkHerd(b *testing.B) { benchmarkHerd(b, 10_000, false) }

// BenchmarkFailingHerd is 200 callers of a mint that fails after 50 ms.
func BenchmarkFailingHerd(b *testing.B) { benchmarkHerd(b, 200, true) }

// inWindow is a cache whose token is valid for at least 4 s more and inside the window in which it is refreshed.
func inWindow(p peer) (*upstream, getFunc) {
	u := &upstream{life: 40 * time.Second}
	if p.ripens {
		u.life = 16 * time.Second
	}
	get := p.make(u.mint)
	_, _ = get(context.Background())
	if p.ripens {
		time.Sleep(12*time.Second + 10*time.Millisecond)
	}
	u.life = time.Hour // of the tokens to come: they are outside the window
	u.calls.Store(0)
	return u, get
}

// BenchmarkStall is 16 callers, each every millisecond for 3 s, while the refresh of a valid token takes 2 s.
func BenchmarkStall(b *testing.B) {
	eachPeer(b, func(b *testing.B, p peer) {
		var worst atomic.Int64
		var stalled atomic.Int64
		for b.Loop() {
			u, get := inWindow(p)
			u.latency.Store(int64(2 * time.Second))
			ends := time.Now().Add(3 * time.Second)
			background(16, func() {
				var slowest time.Duration
				for time.Now().Before(ends) {
					started := time.Now()
					_, _ = get(context.Background())
					slowest = max(slowest, time.Since(started))
					time.Sleep(time.Millisecond)
				}
				if slowest > time.Millisecond {
					stalled.Add(1)
				}
				for old := worst.Load(); int64(slowest) > old && !worst.CompareAndSwap(old, int64(slowest)); old = worst.Load() {
				}
			})
		}
		b.ReportMetric(float64(worst.Load())/1e6, "ms-slowest")
		b.ReportMetric(float64(stalled.Load())/float64(b.N), "stalled-of-16")
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkOutage is 16 callers, each every millisecond for 3 s, while the refresh of a valid token fails after 5 ms.
func BenchmarkOutage(b *testing.B) {
	eachPeer(b, func(b *testing.B, p peer) {
		var upstreamCalls, answers, failures atomic.Int64
		for b.Loop() {
			u, get := inWindow(p)
			u.latency.Store(int64(5 * time.Millisecond))
			u.broken.Store(true)
			ends := time.Now().Add(3 * time.Second)
			background(16, func() {
				for time.Now().Before(ends) {
					if _, err := get(context.Background()); err != nil {
						failures.Add(1)
					}
					answers.Add(1)
					time.Sleep(time.Millisecond)
				}
			})
			upstreamCalls.Add(u.calls.Load())
		}
		b.ReportMetric(float64(upstreamCalls.Load())/float64(b.N), "mints")
		b.ReportMetric(100*float64(failures.Load())/float64(answers.Load()), "%errors")
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkCancelledLeader is a mint of 200 ms that a caller waits for who leaves after 20 ms, and a second caller who
// doesn't.
func BenchmarkCancelledLeader(b *testing.B) {
	eachPeer(b, func(b *testing.B, p peer) {
		var mints int64
		var leader, follower time.Duration
		var failures atomic.Int64
		for b.Loop() {
			u := &upstream{life: time.Hour}
			u.latency.Store(int64(200 * time.Millisecond))
			get := p.make(u.mint)
			var group sync.WaitGroup
			group.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
				defer cancel()
				started := time.Now()
				_, _ = get(ctx)
				leader += time.Since(started)
			})
			time.Sleep(5 * time.Millisecond)
			group.Go(func() {
				started := time.Now()
				if _, err := get(context.Background()); err != nil {
					failures.Add(1)
				}
				follower += time.Since(started)
			})
			group.Wait()
			mints += u.calls.Load()
		}
		perRun := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(b.N) }
		b.ReportMetric(float64(mints)/float64(b.N), "mints")
		b.ReportMetric(perRun(leader), "ms-leader")
		b.ReportMetric(perRun(follower), "ms-follower")
		b.ReportMetric(float64(failures.Load())/float64(b.N), "follower-errors")
		b.ReportMetric(0, "ns/op")
	})
}
