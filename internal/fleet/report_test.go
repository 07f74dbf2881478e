package fleet_test

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

// memory is what a workspace takes at a replica, in bytes.
type memory struct{ own, others int }

// measure lets the platform's replicas go and returns what they held. Nothing
// may be under way.
func (p *platform) measure(f *fleet) memory {
	p.github.Client().CloseIdleConnections()
	before := heap()
	for n := range replicas {
		r := p.replica(n)
		r.registries[owning], r.endpoints[owning] = nil, nil
	}
	without := heap()
	for n := range replicas {
		p.running[n].Store(nil)
	}
	each := func(bytes int, of int) int { return bytes / replicas / max(of, 1) }
	return memory{each(before-without, f.of(owning)), each(without-heap(), f.of(sharing)+f.of(behind))}
}

func heap() int {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// report is what the day was like.
func report(f *fleet, j *judge, c *traffic, m memory, lasts time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d workspaces of %d organisations, %d replicas, %.0f hours, seed %d\n\n", len(f.workspaces), f.organisations, replicas, lasts.Hours(), *seedFlag)
	fmt.Fprintf(&b, "%-24s %9s %9s %9s %9s %9s %5s\n", "operations", "asked", "served", "in faults", "failed so", "after", "lost")
	for is, n := range j.counts {
		fmt.Fprintf(&b, "%-24v %9d %9d %9d %9d %9d %5d\n", what(is), n.asked, n.served, n.through, n.during, n.after, n.lost)
	}
	fmt.Fprintf(&b, "%-24s %9d refused, %d taken\n\n", "bearers of the released", j.staleRefused, j.staleTaken)
	b.WriteString(c.table())
	fmt.Fprintf(&b, "\nmost of the app in an hour %d, of %d\n", c.ofApp(), requestsPerHour)
	fmt.Fprintf(&b, "most of one installation in an hour %d, of %d\n", c.ofAnInstallation(), requestsPerHour)
	fmt.Fprintf(&b, "most mints in a minute %d, of %d\n", c.mintsInAMinute(), mintsPerMinute)
	fmt.Fprintf(&b, "refused for their number %d\n", c.limited)
	fmt.Fprintf(&b, "mints for a scope of many workspaces in an hour %.2f\n", c.mintsPerScope(shared*f.organisations))
	fmt.Fprintf(&b, "requests for a suspended installation in an hour, of each replica %.1f\n", c.ofADeadInstallation())
	fmt.Fprintf(&b, "memory of a workspace at each replica: %d B, and with a token of its own %d B\n", m.others, m.own)
	for kind, since := range j.latest {
		fmt.Fprintf(&b, "%s: the last failure came %s after its end\n", kind, since.Round(time.Second))
	}
	for _, lost := range j.lost {
		fmt.Fprintln(&b, "lost:", lost)
	}
	return b.String()
}
