package fleet_test

import (
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

type faultKind string

const (
	unavailable faultKind = "GitHub answers with 503"
	dead        faultKind = "GitHub doesn't answer"
	deadLong    faultKind = "GitHub doesn't answer, for 40 minutes"
	rotated     faultKind = "the app's key is replaced"
	restarted   faultKind = "the replicas are replaced"
	storeAway   faultKind = "the store is away"
	suspended   faultKind = "an organisation suspends the app"
	unheard     faultKind = "an organisation suspends the app, and no webhook comes"
	limited     faultKind = "GitHub refuses the app for the number of its mints"
)

// scheduled are the faults of six hours that come in a part of their own, of 45
// minutes. Suspensions come at any time and are several, and limits by themselves.
var scheduled = []faultKind{unavailable, dead, deadLong, rotated, restarted, storeAway}

// fault is what goes wrong from one time to another.
type fault struct {
	kind         faultKind
	organisation int // that is suspended
	begins       time.Duration
	lasts        time.Duration

	from, to time.Time
}

const (
	quarter           = 6 * time.Hour
	part              = 45 * time.Minute
	suspensionsInSix  = 4
	longestSuspension = 2 * time.Hour
)

// faultsOf returns the faults of a day. No organisation suspends the app twice.
func faultsOf(day time.Duration, organisations int, seed uint64) (faults []*fault) {
	random := rand.New(rand.NewPCG(seed, 1<<63))
	upTo := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
	for start := time.Duration(0); start+quarter <= day; start += quarter {
		parts := random.Perm(int(quarter/part) - 1)
		for n, kind := range scheduled {
			f := &fault{
				kind: kind, begins: start + part*time.Duration(1+parts[n]) + upTo(3*time.Minute),
				lasts: 2*time.Minute + upTo(8*time.Minute),
			}
			if kind == deadLong {
				f.lasts = 40 * time.Minute
			}
			faults = append(faults, f)
		}
		for n := range suspensionsInSix {
			f := &fault{
				kind: []faultKind{suspended, unheard}[n%2], organisation: random.IntN(organisations),
				begins: start + part + upTo(quarter-part-longestSuspension),
				lasts:  10*time.Minute + upTo(longestSuspension-10*time.Minute),
			}
			if n == 0 {
				f.lasts = longestSuspension
			}
			same := func(g *fault) bool { return g.isSuspension() && g.organisation == f.organisation }
			if !slices.ContainsFunc(faults, same) {
				faults = append(faults, f)
			}
		}
	}
	slices.SortFunc(faults, func(a, b *fault) int { return int(a.begins - b.begins) })
	return faults
}

func (f *fault) isSuspension() bool { return f.kind == suspended || f.kind == unheard }

// strike has all faults happen, each at its time.
func strike(t *testing.T, p *platform, j *judge, faults []*fault) {
	var all sync.WaitGroup
	rotation := 0
	for _, f := range faults {
		if f.kind == rotated {
			rotation++
		}
		key := rotation
		all.Go(func() {
			time.Sleep(f.begins)
			j.begins(f)
			f.happen(t, p, key)
			j.ends(f)
		})
	}
	all.Wait()
}

// happen has f happen, from its begin to its end.
func (f *fault) happen(t *testing.T, p *platform, key int) {
	switch f.kind {
	case unavailable, dead, deadLong:
		fault := githubapptest.HTML(http.StatusServiceUnavailable)
		if f.kind != unavailable {
			fault = githubapptest.Hang
		}
		stop := p.github.Fail(githubapptest.Rule{Fault: fault})
		time.Sleep(f.lasts)
		stop()
	case rotated: // the new one is there before the old one is deleted
		old, new := testutil.RSAKey(t, key-1), testutil.RSAKey(t, key)
		p.github.RotateKeys(appID, &old.PublicKey, &new.PublicKey)
		require.NoError(t, os.WriteFile(p.keyFile, testutil.RSAKeyPEM(t, key), 0o600))
		time.Sleep(f.lasts)
		p.github.RotateKeys(appID, &new.PublicKey)
	case restarted:
		for n := range replicas {
			p.restart(t, n)
			time.Sleep(f.lasts / replicas)
		}
	case storeAway:
		p.store.away.Store(true)
		time.Sleep(f.lasts)
		p.store.away.Store(false)
	case suspended, unheard:
		p.deliver(f.kind == suspended, func() { p.github.Suspend(installationID(f.organisation), true) })
		time.Sleep(f.lasts)
		p.deliver(f.kind == suspended, func() { p.github.Suspend(installationID(f.organisation), false) })
	}
}

// deliver does something of which one of the replicas is told, or none.
func (p *platform) deliver(heard bool, do func()) {
	p.deliveries.Lock()
	defer p.deliveries.Unlock()
	p.delivered++
	p.deaf = !heard
	do()
}
