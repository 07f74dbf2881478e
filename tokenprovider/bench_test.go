package tokenprovider_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// floor is the least that a cached read by wall time can cost: one atomic load
// and one clock read.
type floor struct{ token atomic.Pointer[string] }

//go:noinline
func (f *floor) Token(context.Context) (string, time.Time, error) {
	return *f.token.Load(), time.Now(), nil
}

func newFloor() *floor {
	f := &floor{}
	f.token.Store(new("token"))
	return f
}

func benchCache(b *testing.B) *tokenprovider.Cache {
	c := tokenprovider.NewCache(always("token", time.Hour), nil)
	if _, _, err := c.Token(b.Context()); err != nil {
		b.Fatal(err)
	}
	return c
}

// BenchmarkCachedRead reads by turns from the cache and from the floor, so that
// both have the same machine under them. x-floor is the ratio.
func BenchmarkCachedRead(b *testing.B) {
	serial := func(p tokenprovider.TokenProvider) {
		ctx := context.Background()
		for range 10_000 {
			_, _, _ = p.Token(ctx)
		}
	}
	parallel := func(p tokenprovider.TokenProvider) {
		var callers sync.WaitGroup
		for range 200 {
			callers.Go(func() { serial(p) })
		}
		callers.Wait()
	}
	for _, c := range []struct {
		name  string
		reads int
		round func(tokenprovider.TokenProvider)
	}{{"serial", 10_000, serial}, {"200-goroutines", 2_000_000, parallel}} {
		b.Run(c.name, func(b *testing.B) {
			cache, floor := benchCache(b), newFloor()
			b.ReportAllocs()
			var cached, least time.Duration
			for b.Loop() {
				started := time.Now()
				c.round(floor)
				between := time.Now()
				c.round(cache)
				least += between.Sub(started)
				cached += time.Since(between)
			}
			reads := float64(b.N) * float64(c.reads)
			b.ReportMetric(float64(cached)/reads, "ns/read")
			b.ReportMetric(float64(least)/reads, "ns/floor")
			b.ReportMetric(float64(cached)/float64(least), "x-floor")
		})
	}
}

// herd lets n callers ask at once and is how long it took until the last had
// its answer.
func herd(n int, p tokenprovider.TokenProvider) time.Duration {
	var ready, callers sync.WaitGroup
	ready.Add(n)
	start := make(chan struct{})
	for range n {
		callers.Go(func() {
			ready.Done()
			<-start
			_, _, _ = p.Token(context.Background())
		})
	}
	ready.Wait()
	started := time.Now()
	close(start)
	callers.Wait()
	return time.Since(started)
}

// keepMax stores n in most if it is more.
func keepMax(most *atomic.Int64, n int64) {
	for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
	}
}

const mintTime = 50 * time.Millisecond

// BenchmarkHerd has 10,000 callers that find no token, with a mint of 50 ms;
// ms-over-mint is what the last one waited beyond it.
func BenchmarkHerd(b *testing.B) {
	benchmarkHerd(b, 10_000, nil)
}

// BenchmarkFailingHerd has 200 callers of a mint that fails after 50 ms.
func BenchmarkFailingHerd(b *testing.B) {
	benchmarkHerd(b, 200, errors.New("down"))
}

func benchmarkHerd(b *testing.B, callers int, failure error) {
	b.ReportAllocs()
	var over time.Duration
	var mints atomic.Int64
	for b.Loop() {
		c := cacheOver(func(context.Context) (string, time.Time, error) {
			mints.Add(1)
			time.Sleep(mintTime)
			return "token", time.Now().Add(time.Hour), failure
		})
		over += herd(callers, c) - mintTime
	}
	b.ReportMetric(float64(mints.Load())/float64(b.N), "mints/herd")
	b.ReportMetric(float64(over.Milliseconds())/float64(b.N), "ms-over-mint")
	b.ReportMetric(float64(over+time.Duration(b.N)*mintTime)/float64(time.Duration(b.N)*mintTime),
		"x-mint")
}

// BenchmarkStall has a refresh of 2 s inside the window, and 16 callers that
// ask every millisecond; ms-slowest is the longest that one of them waited.
func BenchmarkStall(b *testing.B) {
	b.ReportAllocs()
	var slowest atomic.Int64
	for b.Loop() {
		var mints atomic.Int64
		source := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			n := mints.Add(1)
			if n > 1 {
				time.Sleep(2 * time.Second)
			}
			return fmt.Sprint("token-", n), time.Now().Add(12 * time.Second), nil
		})
		c := tokenprovider.NewCache(source, &tokenprovider.CacheOptions{
			RefreshAhead: time.Hour, MinTTL: -1,
		})
		_, _, _ = c.Token(context.Background())
		// Its window opens 8.4 to 9 s into its life.
		for c.Status().State == tokenprovider.StateFresh {
			time.Sleep(100 * time.Millisecond)
		}
		ends := time.Now().Add(3 * time.Second)
		var callers sync.WaitGroup
		for range 16 {
			callers.Go(func() {
				for time.Now().Before(ends) {
					started := time.Now()
					_, _, _ = c.Token(context.Background())
					keepMax(&slowest, int64(time.Since(started)))
					time.Sleep(time.Millisecond)
				}
			})
		}
		callers.Wait()
	}
	b.ReportMetric(float64(slowest.Load())/1e6, "ms-slowest")
}
