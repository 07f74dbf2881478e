package fleet_test

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
)

// judge says of each operation whether it was lost: whether it failed although
// GitHub, the installation and the workspace were all well, and had been for as
// long as the platform may take to find that out.
type judge struct {
	tokens int // that there are at a time

	mu       sync.Mutex
	struck   []*fault // so far, those that last included
	counts   [operations]count
	lost     []string                    // the first of them
	latest   map[faultKind]time.Duration // the longest after a fault's end that an operation failed for it
	outlived []string                    // tokens that lived after their workspace's release

	staleRefused, staleTaken int
}

// count is how many operations there were of a kind, and what became of them.
type count struct {
	asked   int
	served  int
	through int // of served, those during a fault that concerned them
	during  int // failed while a fault lasted
	after   int // failed before the platform had found out that it was over
	lost    int
}

const keptLosses = 20

// begins notes that a fault is there.
func (j *judge) begins(f *fault) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f.from = time.Now()
	j.struck = append(j.struck, f)
}

func (j *judge) ends(f *fault) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f.to = time.Now()
}

// concerns reports whether o may fail for f. Nothing may fail because the app's
// key or the replicas are replaced.
func (f *fault) concerns(o operation) bool {
	switch f.kind {
	case unavailable, dead, deadLong, limited:
		return true
	case suspended, unheard:
		return f.organisation == o.organisation
	case storeAway:
		return o.what == releasing
	}
	return false
}

// over reports whether f was over when o began, and for how long.
func (f *fault) over(o operation) (since time.Duration, over bool) {
	if f.to.IsZero() || o.began.Before(f.to) {
		return 0, false
	}
	return o.ended.Sub(f.to), true
}

// limit notes that GitHub refused a mint for their number, and all for so long.
func (j *judge) limit(d time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	for _, f := range j.struck {
		if f.kind == limited && !now.After(f.to) {
			f.to = now.Add(d)
			return
		}
	}
	j.struck = append(j.struck, &fault{kind: limited, from: now, to: now.Add(d)})
}

// suspensionOf returns the one during which r was made of a token or for one of
// the suspended installation; nil for none.
func (j *judge) suspensionOf(r githubapptest.Request) *fault {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range j.struck {
		if f.isSuspension() && r.InstallationID == installationID(f.organisation) && !r.Time.Before(f.from) &&
			(f.to.IsZero() || r.Time.Before(f.to)) {
			return f
		}
	}
	return nil
}

// note judges an operation.
func (j *judge) note(o operation) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c := &j.counts[o.what]
	c.asked++
	var lasting bool
	var last *fault // the one that was over last
	for _, f := range j.struck {
		since, over := f.over(o)
		switch {
		case !f.concerns(o):
		case !over:
			lasting = true
		case since <= j.aftermath(f) && (last == nil || f.to.After(last.to)):
			last = f
		}
	}
	switch {
	case o.failed == "":
		c.served++
		if lasting {
			c.through++
		}
	case lasting:
		c.during++
	case last != nil:
		c.after++
		since, _ := last.over(o)
		j.latest[last.kind] = max(j.latest[last.kind], since)
	default:
		c.lost++
		if len(j.lost) < keptLosses {
			j.lost = append(j.lost, fmt.Sprintf("%s: %s of %s (%s) at replica %d, for %s: %s",
				o.began.Format(time.TimeOnly), o.what, o.workspace, owner(o.organisation), o.replica,
				o.ended.Sub(o.began), o.failed))
		}
	}
}

// refusal notes whether the bearer of a workspace that is gone was refused.
func (j *judge) refusal(refused bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if refused {
		j.staleRefused++
	} else {
		j.staleTaken++
	}
}

// released looks whether the last token of a workspace whose release went well
// is dead.
func (j *judge) released(f *fleet, w *workspace) {
	if w.token == "" {
		return
	}
	if status, _ := f.spend(w.token); status == http.StatusOK {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.outlived = append(j.outlived, w.id)
	}
}

// aftermath is how long after f's end somebody may still be refused for it: a
// cache's longest back-off, the longest that a refusal is held for where no
// webhook comes to each replica, or for as long as it takes GitHub to mint all
// tokens anew.
func (j *judge) aftermath(f *fault) time.Duration {
	const backoff = 75 * time.Second
	switch f.kind {
	case suspended, unheard:
		return 15*time.Minute + backoff
	case deadLong, limited:
		return time.Duration(j.tokens)*time.Minute/(mintsPerMinute*3/4) + 2*backoff
	}
	return backoff
}
