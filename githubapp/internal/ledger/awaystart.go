package ledger

import (
	"crypto/rand"
	"strconv"
	"strings"
	"time"
)

// startAway returns the generation of a life that begins now, while the Store
// can't be reached: whether the workspace was released before isn't known, so
// nothing of a life before may be handed out. The generation says when it began,
// for whoever has the record to tell whether a release came before or after; the
// replicas' clocks are to agree for that.
func startAway() string {
	return rand.Text() + "@" + strconv.FormatInt(time.Now().UnixNano(), 10)
}

// beganAway returns when a life of that generation began, and false unless that
// was while the Store couldn't be reached.
func beganAway(generation string) (time.Time, bool) {
	_, text, away := strings.Cut(generation, "@")
	at, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(0, at), away && err == nil
}

// BeganAway reports whether a life began while the Store couldn't be reached. The
// record may be of another life still then: [Ledger.Issue] says whether it ended.
func BeganAway(generation string) bool {
	_, away := beganAway(generation)
	return away
}

// ended reports whether the life of that generation is over; "" is whichever runs.
// One that began while the Store was away, and after the last release, is the one
// that runs, or begins with its first token.
func (r *record) ended(generation string) bool {
	if began, away := beganAway(generation); away {
		return !began.After(r.ReleasedAt)
	}
	return r.Released || generation != "" && generation != r.Generation
}
