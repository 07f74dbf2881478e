package fleet_test

import (
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// day is what a fleet went through.
type day struct {
	*fleet
	*traffic
	memory
}

// live has a fleet live a day of so many hours.
func live(t *testing.T, faults []*fault, inspect func(t *testing.T, d day)) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // it makes much that is garbage at once
	key := 0
	testutil.RSAKey(t, key) // real time to make
	for _, f := range faults {
		if f.kind == rotated {
			key++
			testutil.RSAKey(t, key)
		}
	}
	lasts := hours()
	synctest.Test(t, func(t *testing.T) {
		j := &judge{latest: map[faultKind]time.Duration{}}
		p := newPlatform(t, organisations(), j.limit)
		f := newFleet(p, j, *workspacesFlag, lasts, *seedFlag)
		j.tokens = f.of(owning) + shared*p.organisations
		c := &traffic{began: time.Now(), ofDead: map[*fault]int{}}
		go func() {
			time.Sleep(450 * time.Millisecond) // when nothing else happens
			for time.Since(c.began) < lasts {
				time.Sleep(10 * time.Minute)
				c.count(p.github, j)
			}
		}()
		go strike(t, p, j, faults)
		f.live()
		time.Sleep(time.Minute)
		synctest.Wait()
		m := p.measure(f)
		d := day{f, c, m}
		t.Logf("\n%v", d)
		inspect(t, d)
	})
}

func hours() time.Duration { return time.Duration(*hoursFlag) * time.Hour }

func organisations() int {
	if *organisationsFlag > 0 {
		return *organisationsFlag
	}
	return min(200, max(1, *workspacesFlag/50))
}

// requireLimits holds the day against GitHub's limits.
func (d day) requireLimits(t *testing.T) {
	require.LessOrEqual(t, d.ofApp(), requestsPerHour)
	require.LessOrEqual(t, d.ofAnInstallation(), requestsPerHour)
	require.Zero(t, d.judge.staleTaken, "a released workspace's bearer was taken")
	require.NotZero(t, d.judge.staleRefused)
	require.Empty(t, d.judge.outlived, "tokens outlived the release of their workspaces")
	for is, n := range d.judge.counts {
		require.NotZero(t, n.served, what(is))
	}
	if d.of(sharing)+d.of(behind) >= 50_000 { // else what there is once counts for too much
		require.LessOrEqual(t, d.others, 200, "bytes a workspace")
		require.LessOrEqual(t, d.own, 3000, "bytes a workspace with a token of its own")
	}
}

func TestAFleetThatIsWellLosesNothing(t *testing.T) {
	live(t, nil, func(t *testing.T, d day) {
		require.Empty(t, d.judge.lost)
		require.Zero(t, d.limited)
		require.LessOrEqual(t, d.mintsPerScope(shared*d.organisations), 1.4)
		d.requireLimits(t)
	})
}

func TestAFleetInADayOfFaultsLosesNothing(t *testing.T) {
	faults := faultsOf(hours(), organisations(), *seedFlag)
	live(t, faults, func(t *testing.T, d day) {
		require.Empty(t, d.judge.lost)
		require.LessOrEqual(t, d.mintsPerScope(shared*d.organisations), 1.6)
		require.LessOrEqual(t, d.ofADeadInstallation(), 10.0)
		d.requireLimits(t)
	})
}
