package main

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// pulse is how late everything is because the machine is busy: a request that takes a millisecond takes a second then,
// and a timer fires when there is time for it. What is late by that isn't lost. The zero pulse is on time. It is safe for
// concurrent use.
type pulse struct {
	mu     sync.Mutex
	began  time.Time // the beat under way
	recent [50]time.Duration
	beats  int
	worst  time.Duration
}

const (
	pulsePause = 200 * time.Millisecond

	// pulseFactor is how many such requests there are on the way of a token, one after the other.
	pulseFactor = 4
)

// beat makes requests that need no token, until ctx ends.
func (p *pulse) beat(ctx context.Context, client *http.Client, url string) {
	for ctx.Err() == nil {
		began := p.begin()
		time.Sleep(pulsePause)
		if req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil); err == nil {
			if resp, err := client.Do(req); err == nil {
				_ = resp.Body.Close()
			}
		}
		p.note(time.Since(began) - pulsePause)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.began = time.Time{}
}

func (p *pulse) begin() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.began = time.Now()
	return p.began
}

func (p *pulse) note(late time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recent[p.beats%len(p.recent)] = late
	p.beats++
	p.worst = max(p.worst, late)
}

// late is what to allow for: by the worst beat of the last ten seconds or so.
func (p *pulse) late() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var worst time.Duration
	if !p.began.IsZero() {
		worst = time.Since(p.began) - pulsePause
	}
	for _, late := range p.recent {
		worst = max(worst, late)
	}
	return pulseFactor * max(worst, 0)
}

func (p *pulse) worstOfAll() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.worst
}
