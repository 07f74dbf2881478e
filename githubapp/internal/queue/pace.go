package queue

import "time"

const (
	// The limits of a forge speak of a minute at most, and in fewer seconds than
	// that there is little to count.
	maxWindow = time.Minute
	minWindow = 5 * time.Second
	seconds   = int64(maxWindow / time.Second)

	// paceFor is for how many windows a limit that was found is kept to.
	paceFor = 60

	// leastPaced is how many requests must have been let through in a window for
	// their number to tell anything. Of fewer it can't have been too many: other
	// replicas sent more, and the next time it may be the other way round.
	leastPaced = 30

	// GitHub's secondary limit is 900 points a minute, of which a mint costs 5:
	// 180 mints, which an app's replicas share. From half of it on requests go one
	// at a time, so that it refuses one and not all that are under way. Who got
	// beyond it without a refusal isn't held to it.
	//
	// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
	nearLimit, beyondLimit = 90, 200

	// slow is after how long the next one doesn't wait for the one before.
	slow = time.Second
)

// pace spaces requests out once the forge has refused one for their number. The
// zero pace lets everything through.
type pace struct {
	taken    [seconds]int // requests that were let through, by second, of the last maxWindow
	at       int64        // the second of the latest
	interval time.Duration
	until    time.Time // interval holds so long
	next     time.Time // nothing before it
	heeded   time.Time // refusals before it tell nothing new
	last     time.Time // when one was let through
}

// took notes that a request was let through.
func (p *pace) took(now time.Time) {
	p.forget(now)
	p.taken[p.at%seconds]++
	p.last = now
	if now.Before(p.until) {
		p.next = now.Add(p.interval)
	}
}

// wait returns how long the next request has to wait while so many are under way;
// less when one of them ends.
func (p *pace) wait(now time.Time, underWay int) time.Duration {
	if now.Before(p.until) {
		return p.next.Sub(now)
	}
	if underWay == 0 || !p.isNear(now) {
		return 0
	}
	return p.last.Add(slow).Sub(now)
}

// isNear reports whether the next request may be the one that is too many.
func (p *pace) isNear(now time.Time) bool {
	p.forget(now)
	sum := 0
	for _, n := range p.taken {
		sum += n
	}
	return sum >= nearLimit && sum < beyondLimit
}

// limited takes the number of requests in the window that ends now for what the
// forge takes in one, less a tenth. The window is as long as the forge asks to
// wait, within bounds. Requests that were under way already and are refused
// too tell nothing new.
func (p *pace) limited(now time.Time, wait time.Duration) {
	if now.Before(p.heeded) || wait < minWindow {
		return
	}
	p.forget(now)
	window := min(wait, maxWindow).Truncate(time.Second)
	p.heeded = now.Add(window)
	taken := 0
	for n := range min(int64(window/time.Second)+1, seconds) { // the present second is young
		taken += p.taken[(p.at-n+seconds)%seconds]
	}
	if taken < leastPaced {
		return
	}
	p.interval = window / time.Duration(taken*9/10)
	p.until = now.Add(paceFor * window)
}

// forget lets go of what was let through before the window that ends now.
func (p *pace) forget(now time.Time) {
	at := now.Unix()
	if since := at - p.at; since < 0 || since >= seconds { // less when the clock was set back
		p.at = at
		clear(p.taken[:])
	}
	for p.at < at {
		p.at++
		p.taken[p.at%seconds] = 0
	}
}
