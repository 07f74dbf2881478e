package main

import (
	"slices"
	"time"
)

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

// permanent is how long a cache doesn't ask again after a failure that isn't
// worth another try.
const permanent = 30 * time.Second

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

// losesStore reports whether replicas may take the store for away.
func (f fault) losesStore() bool { return f.kind == redisGone || f.kind == stall }
