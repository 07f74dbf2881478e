package apiclient

import (
	"net/http"
	"sync/atomic"
	"time"
)

// tolerance is the skew that counts as none: the Date header has whole seconds,
// and answers take their time.
const tolerance = 2 * time.Second

// clock is GitHub's, as far as its refusals told. The zero clock is this
// machine's.
//
// A Date is somebody's, often a proxy's, and needn't be GitHub's. So it is
// believed only where it explains something, a JWT that was refused for its
// times, and only for as long as what is signed by it is accepted. An answer
// that succeeds proves that the clock in use is good enough.
type clock struct {
	learnt atomic.Pointer[difference] // nil: none
}

// difference is GitHub's clock minus this machine's, as far as a Date tells. It
// is immutable.
type difference struct {
	skew   time.Duration // the smallest that explains it
	spread time.Duration // what it may be more
}

// skewOf returns the skew of d, which is 0 for nil.
func skewOf(d *difference) time.Duration {
	if d == nil {
		return 0
	}
	return d.skew
}

// now returns the time by GitHub's clock.
func (c *clock) now() time.Time { return time.Now().Round(0).Add(skewOf(c.learnt.Load())) }

// local returns the time by this machine's clock at which GitHub's shows t, and
// never a later one.
func (c *clock) local(t time.Time) time.Time {
	if d := c.learnt.Load(); d != nil {
		return t.Add(-d.skew - d.spread)
	}
	return t
}

// correct changes the clock after a JWT was refused that was signed by used: to
// measured, which the refusal told, or back to this machine's where that tells
// nothing new. It reports whether there is another clock now to try.
func (c *clock) correct(used, measured *difference) bool {
	if skewOf(measured) == skewOf(used) {
		measured = nil
	}
	if skewOf(measured) == skewOf(used) {
		return false
	}
	c.learnt.CompareAndSwap(used, measured) // unless another call has corrected it
	return true
}

// giveUp drops d, since what was signed by it was refused as well.
func (c *clock) giveUp(d *difference) { c.learnt.CompareAndSwap(d, nil) }

// measure returns the difference that an answer tells by its Date, which was
// cut to the second at some moment between sent and received; nil where there
// is none. Where GitHub's clock is behind, the smallest skew gives the latest
// time there, so that nothing is to be added.
func measure(header http.Header, sent, received time.Time) *difference {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return nil
	}
	least, most := date.Sub(received.Round(0)), date.Add(time.Second).Sub(sent.Round(0))
	switch {
	case least >= tolerance:
		return &difference{least, most - least}
	case most <= -tolerance:
		return &difference{most, 0}
	}
	return nil
}
