package main

import (
	"slices"
	"time"
)

const (
	// margin is the life that a token must have left at the end of an operation
	// to count: expiries have whole seconds, and a request takes its time.
	margin = 2 * time.Second

	// slack is for what takes no time on a machine that isn't busy.
	slack = 8 * time.Second

	// permanent is how long a cache doesn't ask again after a failure that
	// isn't worth another try.
	permanent = 30 * time.Second
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

// losesStore reports whether replicas may take the store for away.
func (f fault) losesStore() bool { return f.kind == redisGone || f.kind == stall }

// marred reports whether a workspace that began to start then may have found no
// store.
func (h happening) marred(start time.Time) bool {
	return h.losesStore() && !start.IsZero() &&
		h.began.Before(start.Add(slack)) && h.ended.Add(slack).After(start)
}

// concerns reports whether o may fail for f when no token is held. Nothing may
// fail for a slow GitHub, a key that is replaced in time, a clock that is set
// back, a store that is gone, or one replica of three.
func (f fault) concerns(o operation) bool {
	release, call := o.what == releasing, o.what == calling || o.what == callingOwn
	switch {
	case o.outlived:
		// The store forgot what there is to revoke, or a replica couldn't put
		// it on record yet.
		return f.how == killed || o.early && (f.kind == redisGone || f.kind == stall)
	case f.cuts(o):
		return true
	case f.kind == down, f.kind == limited, f.how == late, f.kind == clock && f.amount > 0:
		return !release
	case f.kind == suspended:
		return f.target == o.installation
	case f.kind == redisGone:
		return release || o.restarted // what there is to revoke, or what runs, isn't known
	case f.kind == endpoint:
		return call && f.only(o)
	}
	return f.kind == stall
}

// cuts reports whether f breaks the way that o goes, with a token or without:
// GitHub dies in its transfer, or the one gateway that its workspace knows.
func (f fault) cuts(o operation) bool {
	transfers := slices.Contains([]action{cloningBehind, fetchingBehind, pushingBehind}, o.what)
	switch f.kind {
	case cut:
		return o.what.isGit() || transfers
	case endpoint:
		return f.only(o) && (transfers || o.what == callingBehind)
	}
	return false
}

// only reports whether f hits the one replica that a workspace knows.
func (f fault) only(o operation) bool { return len(o.replicas) == 1 && o.replicas[0] == f.target }

// caches returns how many caches back off between o and GitHub: the platform's
// and that of a program.
func (o operation) caches() int {
	switch o.what {
	case releasing:
		return 0
	case calling, callingOwn:
		return most
	}
	return 1
}

// isGit reports whether git does it, and asks the platform each time.
func (a action) isGit() bool { return a == cloning || a == fetching || a == pushing }

// most is the largest number that caches returns.
const most = 2

// recovery returns how long after f somebody may still be without a token. Each
// of the caches backs off in its turn: for as long as it has had trouble so far
// and a quarter more, or for 30 s after a failure that isn't worth another try.
func (f fault) recovery(caches int, life time.Duration) time.Duration {
	each := 2 * time.Duration(caches)
	switch {
	case f.kind == redisGone, f.kind == stall && caches == 0, f.kind == clock && f.amount > 0:
		return life + slack // so long lives what was minted just before
	case f.kind == down, f.kind == endpoint, f.kind == stall:
		return each*f.lasts + slack
	case f.kind == limited:
		return each*(f.lasts+f.amount) + slack
	case f.kind == cut:
		return margin
	case f.kind == suspended, f.how == late:
		return each*permanent/2 + slack
	}
	return slack
}

// outlives reports whether h left t alive.
func (t token) outlives(h happening) bool {
	return h.kind != suspended && h.kind != clock || t.minted.After(h.ended)
}
