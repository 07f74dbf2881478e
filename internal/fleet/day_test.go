package fleet_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func TestAFleetLosesNothingInADayOfFaults(t *testing.T) {
	day := time.Duration(*hoursFlag) * time.Hour
	organisations := *organisationsFlag
	if organisations == 0 {
		organisations = min(200, max(1, *workspacesFlag/50))
	}
	faults := faultsOf(day, organisations, *seedFlag)
	for n := range len(faults) { // real time to make
		if n == 0 || faults[n].kind == rotated {
			testutil.RSAKey(t, n)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, organisations)
		j := &judge{latest: map[faultKind]time.Duration{}}
		f := newFleet(t, p, j, *workspacesFlag, day, *seedFlag)
		c := &traffic{began: time.Now(), ofDead: map[*fault]int{}}
		go func() {
			time.Sleep(450 * time.Millisecond) // when nothing else happens
			for time.Since(c.began) < day {
				time.Sleep(10 * time.Minute)
				c.count(p.github, j.struckSoFar())
			}
		}()
		go strike(t, p, j, faults)
		f.live()
		time.Sleep(time.Minute)
		synctest.Wait()
		m := p.measure(f)
		t.Log("\n" + report(f, j, c, m, day, *seedFlag))
		require.Empty(t, j.lost)
	})
}

// struckSoFar returns the faults that have begun.
func (j *judge) struckSoFar() []*fault {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.struck
}
