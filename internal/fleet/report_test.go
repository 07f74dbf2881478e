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

// String is the report of the day.
func (d day) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%d workspaces of %d organisations, %d replicas, %d hours, seed %d\n",
		len(d.workspaces), d.organisations, replicas, *hoursFlag, *seedFlag)
	line("%-24s %9s %9s %9s %9s %9s %5s", "operations", "asked", "served", "in faults", "failed so", "after", "lost")
	for is, n := range d.judge.counts {
		line("%-24v %9d %9d %9d %9d %9d %5d", what(is), n.asked, n.served, n.through, n.during, n.after, n.lost)
	}
	line("%-24s %9d refused, %d taken\n", "bearers of the released", d.judge.staleRefused, d.judge.staleTaken)
	b.WriteString(d.table())
	line("\nmost of the app in an hour %d, of %d", d.ofApp(), requestsPerHour)
	line("most of one installation in an hour %d, of %d", d.ofAnInstallation(), requestsPerHour)
	line("most mints in a minute %d, of %d; refused for their number %d", d.mintsInAMinute(), mintsPerMinute, d.limited)
	line("mints for a scope of many workspaces in an hour %.2f", d.mintsPerScope(shared*d.organisations))
	line("requests for a suspended installation in an hour, of each replica %.1f", d.ofADeadInstallation())
	line("memory of a workspace at each replica %d B; of one with its own token %d B", d.others, d.own)
	for _, kind := range append(scheduled[:3:3], suspended, unheard, limited) {
		if since := d.judge.latest[kind]; since > 0 {
			line("%s: the last failure came %s after its end", kind, since.Round(time.Second))
		}
	}
	for _, lost := range d.judge.lost {
		line("lost: %s", lost)
	}
	return b.String()
}
