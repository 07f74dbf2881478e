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
	offset atomic.Int64 // GitHub's clock minus this machine's, in nanoseconds
}

func (c *clock) skew() time.Duration { return time.Duration(c.offset.Load()) }

// now is the time by GitHub's clock.
func (c *clock) now() time.Time { return time.Now().Round(0).Add(c.skew()) }

// local moves a time by GitHub's clock to this machine's.
func (c *clock) local(t time.Time) time.Time { return t.Add(-c.skew()) }

// learn takes the skew from the Date of an answer to a request that was sent and answered at these times. An answer
// without a Date leaves it as it is.
func (c *clock) learn(header http.Header, sent, received time.Time) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	c.offset.Store(int64(skew(date, sent.Round(0), received.Round(0))))
}

// skew is the smallest that explains a Date, which was cut to the second somewhen between sent and received.
func skew(date, sent, received time.Time) time.Duration {
	least, most := date.Sub(received), date.Add(time.Second).Sub(sent)
	switch {
	case least >= tolerance:
		return least
	case most <= -tolerance:
		return most
	}
	return 0
}
