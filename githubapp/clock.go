package githubapp

import (
	"net/http"
	"sync/atomic"
	"time"
)

// tolerance is the skew that counts as none: the Date header has whole seconds, and answers take their time.
const tolerance = 2 * time.Second

// clock is GitHub's, as learnt from its answers. The zero clock is this machine's.
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

// now is the time by GitHub's clock.
func (c *clock) now() time.Time { return time.Now().Round(0).Add(c.skew()) }

// local moves a time by GitHub's clock to this machine's, and never to a later one than it is: a token mustn't seem to
// live when it is dead.
func (c *clock) local(t time.Time) time.Time {
	d := c.difference()
	return t.Add(-d.skew - d.spread)
}

// learn takes the difference from the Date of an answer to a request that was sent and answered at these times. An answer
// without a Date leaves it as it is.
func (c *clock) learn(header http.Header, sent, received time.Time) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	d := measure(date, sent.Round(0), received.Round(0))
	c.learnt.Store(&d)
}

// measure is the difference by a Date that was cut to the second somewhen between sent and received. Where GitHub's clock is
// behind, the smallest skew is the latest time there, and nothing may be more.
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
