// Package queue lets requests wait for their turn: fair between those for whom
// they are made, and no faster than the forge takes them.
package queue

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"sync"
	"time"
)

// Queue has a number of places, each for one request that is under way. Whoever
// wants one waits behind others of the same key, and of the keys the one goes first
// whose last turn was the longest ago. It is safe for concurrent use.
//
// So many keys that have a lot to do keep one waiting no longer that has little.
// Nor do one key's requests, however slow they are: a key takes another place only
// while it has fewer than are left. The first request of a key goes alone; the
// others follow when it is known that it succeeded, since they would fail for the
// same reason.
type Queue[K comparable] struct {
	places int
	held   func() time.Duration // for how much longer nothing may be sent

	mu      sync.Mutex
	taken   int
	lines   map[K]*line
	turns   []K         // the keys that have somebody waiting, in the order of their turns
	served  map[K]int64 // when the last turns of all lines were, and of some other keys
	pace    pace
	resumes *time.Timer // the next look at the queue; nil before the first
}

// line is what one key has under way and waiting.
type line struct {
	taken   int
	proven  bool      // a request succeeded since the line was empty
	waiting []*waiter // those that give way to others last
}

type waiter struct {
	turn chan struct{} // closed when it has come
	last bool
}

// New returns a Queue with so many places. While held returns more than 0 nobody
// is let through; it is called with a lock held, so it must not block.
func New[K comparable](places int, held func() time.Duration) *Queue[K] {
	return &Queue[K]{places: places, held: held, lines: make(map[K]*line), served: make(map[K]int64)}
}

// Enter waits for a place for key and returns what gives it back, to be called
// once with whether the request succeeded. With last, requests that others wait
// for go first. The error is ctx's, with for what it waited.
func (q *Queue[K]) Enter(ctx context.Context, key K, last bool) (leave func(succeeded bool), err error) {
	w := &waiter{turn: make(chan struct{}), last: last}
	q.mu.Lock()
	l := q.lines[key]
	if l == nil {
		l = &line{}
		q.lines[key] = l
	}
	if len(l.waiting) == 0 {
		q.lineUp(key, time.Now())
	}
	at := len(l.waiting)
	if !last {
		at = sort.Search(at, func(n int) bool { return l.waiting[n].last })
	}
	l.waiting = slices.Insert(l.waiting, at, w)
	q.advance()
	q.mu.Unlock()

	select {
	case <-w.turn:
	case <-ctx.Done():
		if q.giveUp(key, w) {
			return nil, fmt.Errorf("waiting for one of %d places: %w", q.places, ctx.Err())
		} // its turn came in this moment
	}
	return func(succeeded bool) { q.leave(key, succeeded) }, nil
}

// Limited tells that the forge refused a request because there were too many, and
// asks to wait that long. For sixty times as long no more go than it took in such
// a time before: for an hour after a minute.
func (q *Queue[K]) Limited(wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pace.limited(time.Now(), wait)
}

// Waiting returns how many wait for their turn.
func (q *Queue[K]) Waiting() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lines {
		n += len(l.waiting)
	}
	return n
}

// leave gives a place back.
func (q *Queue[K]) leave(key K, succeeded bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lines[key]
	q.taken--
	l.taken--
	l.proven = succeeded
	q.tidy(key, l)
	q.advance()
}

// giveUp takes w out of its line; it returns false when it isn't there any more.
func (q *Queue[K]) giveUp(key K, w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lines[key]
	if l == nil {
		return false
	}
	at := slices.Index(l.waiting, w)
	if at < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, at, at+1)
	if len(l.waiting) == 0 {
		n := slices.Index(q.turns, key)
		q.turns = slices.Delete(q.turns, n, n+1)
	}
	q.tidy(key, l)
	return true
}

// memory is how long a turn counts against its key. One whose turn is longer ago
// is as good as one that had none, so that those don't go before it for ever.
const memory = 10 * time.Minute

// mostServed is of how many keys the last turns are kept that have nothing to do.
const mostServed = 1000

// lineUp puts a key that has nobody waiting where its turn is.
func (q *Queue[K]) lineUp(key K, now time.Time) {
	if len(q.served)-len(q.lines) > mostServed {
		maps.DeleteFunc(q.served, func(key K, _ int64) bool { return q.lines[key] == nil })
	}
	for n := len(q.turns) - 1; n >= 0 && q.served[q.turns[n]] > now.UnixNano(); n-- {
		q.served[q.turns[n]] = now.UnixNano() // the clock was set back
	}
	oldest := now.Add(-memory).UnixNano()
	last := min(max(q.served[key], oldest), now.UnixNano())
	q.served[key] = last
	at := sort.Search(len(q.turns), func(n int) bool { return q.served[q.turns[n]] > last })
	q.turns = slices.Insert(q.turns, at, key)
}

// tidy forgets a line that is empty.
func (q *Queue[K]) tidy(key K, l *line) {
	if l.taken == 0 && len(l.waiting) == 0 {
		delete(q.lines, key)
	}
}

// advance lets through whoever may go now, and sees to it that it is called again
// when time alone lets others through.
func (q *Queue[K]) advance() {
	for q.taken < q.places && len(q.turns) > 0 {
		now := time.Now()
		if wait := max(q.held(), q.pace.wait(now, q.taken)); wait > 0 {
			q.resume(wait)
			return
		}
		if !q.admit(now, false) && !q.admit(now, true) {
			return
		}
		q.pace.took(now)
	}
}

// admit lets the next one through whose key may have another place, and reports
// whether there is one. With last, it may be one that others go before.
func (q *Queue[K]) admit(now time.Time, last bool) bool {
	for n, key := range q.turns {
		l := q.lines[key]
		w := l.waiting[0]
		mayTake := l.taken == 0 || l.proven && l.taken < q.places-q.taken
		if !mayTake || w.last && !last {
			continue
		}
		l.waiting = l.waiting[1:]
		l.taken++
		q.taken++
		q.turns = slices.Delete(q.turns, n, n+1)
		q.served[key] = now.UnixNano()
		if len(l.waiting) > 0 {
			q.lineUp(key, now)
		}
		close(w.turn)
		return true
	}
	return false
}

// longestWait bounds the time to the next look: what holds everything back may end
// early, and nobody tells.
const longestWait = 5 * time.Second

// resume has the queue looked at after wait, instead of when it was to be before:
// what that waited for may be over.
func (q *Queue[K]) resume(wait time.Duration) {
	wait = min(wait, longestWait)
	if q.resumes != nil {
		q.resumes.Reset(wait)
		return
	}
	q.resumes = time.AfterFunc(wait, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.advance()
	})
}
