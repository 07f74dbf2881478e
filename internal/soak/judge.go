package main

import "time"

const (
	// margin is the life that a token must have left at the end of an operation
	// to count: expiries have whole seconds, and a request takes its time.
	margin = 2 * time.Second

	// slack is for what takes no time on a machine that isn't busy.
	slack = 8 * time.Second
)

// What excuses.
const (
	explained = "a fault explains it"
	busy      = "the machine was busy" // excuses a hang, too
)

// excuse returns why o needn't succeed; "" when it has to, because a token could
// be had for it: while no fault that concerns it was near, and through all of
// them while the workspace held a live token.
func excuse(o operation, happened []happening, life time.Duration) (why string) {
	holds := !o.hung && o.what != releasing &&
		!o.held.minted.After(o.began) && o.held.expires.After(o.ended.Add(margin))
	for _, h := range happened {
		// Git keeps nothing. What it was given the platform holds, which knows a
		// workspace no more when its store has forgotten it.
		if o.what.isGit() && h.how == killed && o.ended.After(h.began) && !o.held.minted.After(h.ended) {
			holds = false
		}
		// A replica that can't read the record goes by the life that it knows,
		// which may be over: what it hands out is dead, or soon is.
		if o.restarted && h.losesStore() && o.ended.After(h.began) && !o.held.minted.After(h.ended.Add(slack)) {
			holds = false
		}
	}
	for _, h := range happened {
		recovery := h.recovery(o.caches(), life)
		if h.cuts(o) {
			recovery = margin
		}
		near := o.ended.After(h.began) && o.began.Before(h.ended.Add(recovery))
		switch {
		case o.uncertain && (h.how == killed && h.began.Before(o.began) || h.marred(o.started)):
			why = explained // the store forgot the workspace, or wasn't there when it started
		case !near || holds && o.held.outlives(h) && !h.cuts(o):
		case h.concerns(o) && h.kind == stall:
			return busy
		case h.concerns(o):
			why = explained
		}
	}
	return why
}

// marred reports whether a workspace that began to start then may have found no
// store.
func (h happening) marred(start time.Time) bool {
	return h.losesStore() && !start.IsZero() &&
		h.began.Before(start.Add(slack)) && h.ended.Add(slack).After(start)
}

// outlives reports whether h left t alive.
func (t token) outlives(h happening) bool {
	return h.kind != suspended && h.kind != clock || t.minted.After(h.ended)
}
