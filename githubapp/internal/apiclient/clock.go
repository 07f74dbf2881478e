package apiclient

import (
	"net/http"
	"sync/atomic"
	"time"
)

// tolerance is the skew that counts as none: the Date header has whole seconds,
// and answers take their time.
const tolerance = 2 * time.Second

// clock is GitHub's, as learnt from its answers. The zero clock is this
// machine's.
type clock struct {
	learnt atomic.Pointer[difference] // nil: none
}

// difference is GitHub's clock minus this machine's, as far as a Date tells.
type difference struct {
	skew   time.Duration // the smallest that explains it
	spread time.Duration // what it may be more
}

func (c *clock) difference() difference {
	if d := c.learnt.Load(); d != nil {
		return *d
	}
	return difference{}
}

func (c *clock) skew() time.Duration { return c.difference().skew }

// now returns the time by GitHub's clock.
func (c *clock) now() time.Time { return time.Now().Round(0).Add(c.skew()) }

// local returns the time by this machine's clock at which GitHub's shows t, and
// never a later one.
func (c *clock) local(t time.Time) time.Time {
	d := c.difference()
	return t.Add(-d.skew - d.spread)
}

// learn takes the difference from the Date of an answer to a request that was
// sent and answered at these times. An answer without a Date leaves it as it
// is.
func (c *clock) learn(header http.Header, sent, received time.Time) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	d := measure(date, sent.Round(0), received.Round(0))
	c.learnt.Store(&d)
}

// measure returns the difference by a Date that was cut to the second at some
// moment between sent and received. Where GitHub's clock is behind, the
// smallest skew gives the latest time there, so that nothing is to be added.
func measure(date, sent, received time.Time) difference {
	least, most := date.Sub(received), date.Add(time.Second).Sub(sent)
	switch {
	case least >= tolerance:
		return difference{least, most - least}
	case most <= -tolerance:
		return difference{most, 0}
	}
	return difference{}
}
