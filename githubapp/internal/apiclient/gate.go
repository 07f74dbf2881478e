package apiclient

import (
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// silentPaths is how many different requests have to fail, with none answered
// since, to take GitHub for down.
const silentPaths = 3

// maxPaths bounds how many failing requests are remembered.
const maxPaths = 256

// gate keeps what is known of the app as a whole and of GitHub, and is asked
// before each request: while it holds the app back, nothing is asked, however
// many callers there are: they get the error that GitHub gave. When the time is
// over one request goes ahead, and the others are held back until it is known
// what becomes of it.
//
// A failure without a word of GitHub's (5xx, the network, a time-out) may be
// about one installation alone. So the second in a row holds that same request
// back, and the whole app only when three different ones failed and none was
// answered meanwhile. An answer ends it.
//
// The zero gate is open.
type gate struct {
	mu       sync.Mutex
	app      hold
	paths    map[string]*hold // requests that failed, by method and path
	answers  int              // counts those that were answered
	lastSeen verdict          // of app: why it is or was held
}

// pass is what a request gets at the gate, to be handed back with what became
// of it.
type pass struct {
	path           string
	token          bool // it carries an installation's token: it says nothing of the app
	probes, probed bool // it tells whether a hold of the app, of the path, is over
	app, own       int  // the changes when it went ahead
}

// enter returns an error while the request is held back. One that carries a
// token is only held back while GitHub is down for those, too: what it is for, a
// revocation for example, goes on while no token can be minted. The path of one
// tenant's is that of all others, so none is held back for its path.
func (g *gate) enter(path string, token bool) (pass, error) {
	now := time.Now().Round(0)
	g.mu.Lock()
	defer g.mu.Unlock()
	var own *hold
	if !token {
		own = g.paths[path]
	}
	if err := own.check(now); err != nil {
		return pass{}, err
	}
	p := pass{path: path, token: token, app: g.app.changes}
	if !token || g.app.tokens {
		if err := g.app.check(now); err != nil {
			return pass{}, err
		}
		p.probes = g.app.err != nil
		g.app.probing = p.probes
	}
	if own != nil {
		p.own, p.probed = own.changes, own.err != nil
		own.probing = p.probed
	}
	return p, nil
}

// leave takes note of what became of a request, with the error that it ended
// with. It returns for how long the app is held back because of it, if it is,
// and whether a hold is over.
func (g *gate) leave(p pass, v verdict, err *Error) (closed time.Duration, opened bool) {
	now := time.Now().Round(0)
	g.mu.Lock()
	defer g.mu.Unlock()
	own := g.paths[p.path]
	if p.probes && p.app == g.app.changes {
		g.app.probing = false
	}
	if p.probed && own != nil && p.own == own.changes {
		own.probing = false
	}
	if p.token && v != nothing && v != down {
		v = answered // it is about the token
	}
	switch v {
	case nothing:
		if p.probes && p.app == g.app.changes {
			g.app.until = now.Add(retryProbe)
		}
	case answered:
		g.answers++
		delete(g.paths, p.path)
		if g.app.err != nil && (g.lastSeen == down || !p.token && p.app == g.app.changes) {
			g.app = hold{changes: g.app.changes + 1}
			return 0, true
		}
	case limited, refused, ended:
		delete(g.paths, p.path)
		if p.app == g.app.changes {
			return g.close(v, err, now), false
		}
		if until := now.Add(err.RetryAfter); v == limited && g.lastSeen == limited && until.After(g.app.until) {
			g.app.until = until
		}
	case down:
		if p.token && g.app.err != nil && g.lastSeen == down {
			g.app.tokens = true
		}
		g.fail(p, own, err, now)
		if p.app == g.app.changes && (p.probes || g.app.err == nil && g.silent() >= silentPaths) {
			return g.close(down, err, now), false
		}
	}
	return 0, false
}

// close holds the app back and returns for how long.
func (g *gate) close(v verdict, err *Error, now time.Time) time.Duration {
	if g.lastSeen != v || g.app.err == nil {
		g.app.inRow, g.app.tokens = 0, false
	}
	g.lastSeen = v
	return g.app.extend(v, err, now)
}

// fail takes note of a request that failed without a word of GitHub's. The
// first failure in a row holds nothing back.
func (g *gate) fail(p pass, own *hold, err *Error, now time.Time) {
	if p.token {
		return
	}
	if own == nil {
		if len(g.paths) >= maxPaths {
			clear(g.paths) // what is remembered only saves requests
		}
		if g.paths == nil {
			g.paths = make(map[string]*hold)
		}
		g.paths[p.path] = &hold{changes: 1, answers: g.answers}
		return
	}
	own.answers = g.answers
	if p.own == own.changes {
		own.extend(down, err, now)
	}
}

// silent returns how many different requests failed since the last one that was
// answered.
func (g *gate) silent() (n int) {
	for _, h := range g.paths {
		if h.answers == g.answers {
			n++
		}
	}
	return n
}

// limitedFor returns for how much longer a rate limit holds the app back, a
// moment while a request finds out whether it is over, and 0 when none does.
func (g *gate) limitedFor() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.app.err == nil || g.lastSeen != limited {
		return 0
	}
	left := g.app.left(time.Now())
	if left == 0 && g.app.probing {
		return probeTurn
	}
	return left
}

// check returns an error while the app is held back.
func (g *gate) check() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.app.check(time.Now().Round(0))
}

// refusing reports whether the app is held back because it was refused.
func (g *gate) refusing() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.app.err != nil && g.lastSeen == refused
}

// open ends what holds the app back, because its reason is gone.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.app = hold{changes: g.app.changes + 1}
}

// holds returns what is held back now.
func (g *gate) holds() []tokenprovider.Hold {
	now := time.Now().Round(0)
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []tokenprovider.Hold
	if g.app.left(now) > 0 {
		all = append(all, tokenprovider.Hold{Subject: appSubject, Code: g.app.err.Code, Until: g.app.until})
	}
	for path, h := range g.paths {
		if h.left(now) > 0 {
			all = append(all, tokenprovider.Hold{Subject: path, Code: h.err.Code, Until: h.until})
		}
	}
	return all
}
