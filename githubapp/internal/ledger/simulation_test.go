package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/ledger"
	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

var (
	seed = flag.Uint64("seed", 0, "first seed of the simulation; 0: another one each time")
	runs = flag.Int("runs", testutil.Fewer(4_000), "runs of the simulation, each with a seed of its own")
)

// TestNothingAWorkspaceWasGivenOutlivesANilRelease runs replicas with random
// delays, crashes, lost answers, failing revocations, and a Store that errs,
// hangs, is away for a while, or loses a record.
func TestNothingAWorkspaceWasGivenOutlivesANilRelease(t *testing.T) {
	var (
		mu    sync.Mutex
		total tally
		wrong []string
	)
	testutil.Simulate(t, *seed, *runs, 500, 3*time.Hour, func(seed uint64) {
		w := newWorld(seed)
		w.run()
		mu.Lock()
		defer mu.Unlock()
		total.add(w)
		for _, text := range w.wrong {
			wrong = append(wrong, fmt.Sprintf("seed %d: %s", seed, text))
		}
	})
	t.Logf("%+v", total)
	require.Empty(t, wrong)
	require.NotZero(t, total.Nil, "releases that were told nil")
	require.NotZero(t, total.Uncertain, "releases that were told to wait")
	require.NotZero(t, total.Failed, "releases that failed first")
	require.NotZero(t, total.Crashes)
	require.NotZero(t, total.Refused, "mints that a release overtook")
	require.Greater(t, total.Given, *runs, "tokens that were handed out")
}

// tally counts what happened, so that a simulation in which nothing does is
// seen.
type tally struct{ Given, Refused, Nil, Uncertain, Failed, Crashes, Lost int }

func (sum *tally) add(w *world) {
	sum.Given += len(w.given)
	sum.Refused += w.Refused
	sum.Nil += w.Nil
	sum.Uncertain += w.Uncertain
	sum.Failed += w.Failed
	sum.Crashes += w.Crashes
	sum.Lost += w.Lost
}

// life is how long a token lives.
const life = time.Hour

// grace is how much too early a nil may be after the Store was away: a replica
// records what it gave within that time.
const grace = 30 * time.Second

// world is one workspace, and the replicas that serve it.
type world struct {
	mu       sync.Mutex
	rand     *rand.Rand
	replicas []*replica
	store    *store
	dies     map[string]time.Time // by token: when it expires, or was revoked
	given    map[string]*replica  // to the workspace, by which replica
	admits   bool                 // false from before its release on
	ended    bool                 // a release was told nil
	away     bool                 // the Store was, at any time
	wrong    []string
	tally
}

// replica is a process of the platform. One that crashed reaches nobody, and
// nobody hears of it any more: what it still does ends in a world of its own.
type replica struct {
	*ledger.Ledger
	world   *world
	crashed bool
	ghost   map[string][]byte // its Store then
}

func newWorld(seed uint64) *world {
	w := &world{rand: rand.New(rand.NewPCG(seed, 1)), dies: map[string]time.Time{},
		given: map[string]*replica{}, admits: true}
	w.store = &store{world: w, values: map[string][]byte{}}
	if w.chance(3) {
		w.store.errs = 1 + w.rand.IntN(4)
	}
	for range 3 {
		w.replicas = append(w.replicas, w.newReplica())
	}
	return w
}

func (w *world) newReplica() *replica {
	r := &replica{world: w, ghost: map[string][]byte{}}
	r.Ledger = ledger.New(ledger.Config{
		Store: replicaStore{w.store, r}, SealKeys: [][]byte{bytes.Repeat([]byte{7}, 32)},
		Key: func(kind, name string) string { return kind + "/" + name }, TokenLife: life, Revoke: r.revoke, Logger: slog.New(slog.DiscardHandler),
	})
	return r
}

// chance reports one time in n.
func (w *world) chance(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rand.IntN(n) == 0
}

func (w *world) pause(most time.Duration) {
	w.mu.Lock()
	d := time.Duration(w.rand.Int64N(int64(most)))
	w.mu.Unlock()
	time.Sleep(d)
}

// any returns a replica that runs.
func (w *world) any() *replica {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.replicas[w.rand.IntN(len(w.replicas))]
}

func (r *replica) revoke(_ context.Context, token, _ string) error {
	r.world.pause(200 * time.Millisecond)
	fails := r.world.chance(10)
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	if r.crashed {
		return nil
	}
	if fails {
		return errors.New("no answer")
	}
	if now := time.Now(); now.Before(r.world.dies[token]) {
		r.world.dies[token] = now
	}
	return nil
}

// mint makes a token.
func (w *world) mint() ledger.Token {
	w.pause(400 * time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	token, expires := fmt.Sprint("token-", len(w.dies)), time.Now().Add(life)
	w.dies[token] = expires
	return ledger.Token{Value: secret.New(token), MintedAt: time.Now(), ExpiresAt: expires}
}

// give hands a token out: what is on record, or a new one.
func (w *world) give(r *replica, begins, reports bool) {
	ctx := context.Background()
	open := r.Read
	if begins {
		open = r.Begin
	}
	l, err := open(ctx, "ws")
	if err != nil && err != ledger.ErrAway {
		return
	}
	t, held := l.Live("", time.Time{})
	if !held || reports {
		refused := ""
		if held {
			refused = tokenprovider.TokenSHA256(t.Value.Reveal())
		}
		t = w.mint()
		if err := r.Issue(ctx, "ws", l.Generation, t, refused); err != nil {
			w.mu.Lock()
			w.Refused++
			w.mu.Unlock()
			return
		}
		if refused != "" {
			defer func() { _ = r.Settle(ctx, "ws", refused) }()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.crashed {
		return // nobody hears of it
	}
	w.given[t.Value.Reveal()] = r
	if w.ended {
		w.check(t.Value.Reveal())
	}
}

// release releases the workspace until it is told nil.
func (w *world) release() {
	w.mu.Lock()
	w.admits = false
	w.mu.Unlock()
	for range 100 {
		r := w.any()
		err := r.Release(context.Background(), "ws")
		w.mu.Lock()
		crashed := r.crashed
		uncertain, isUncertain := errors.AsType[*ledger.Uncertain](err)
		switch {
		case crashed:
		case err == nil:
			w.ended = true
			w.Nil++
			for token := range w.given {
				w.check(token)
			}
		case isUncertain:
			w.Uncertain++
		default:
			w.Failed++
		}
		w.mu.Unlock()
		switch {
		case err == nil && !crashed:
			return
		case isUncertain:
			time.Sleep(time.Until(uncertain.Until))
		default:
			w.pause(3 * time.Second)
		}
	}
	w.mu.Lock()
	w.wrong = append(w.wrong, "no release was ever told nil")
	w.mu.Unlock()
}

// check notes a token that lives although it shouldn't. What a replica gave
// while the Store was away is known to it alone until it is recorded.
func (w *world) check(token string) {
	if !time.Now().Before(w.dies[token]) {
		return
	}
	if !w.away {
		w.wrong = append(w.wrong, token+" lives after the release was told nil")
		return
	}
	go func() {
		for trouble := true; trouble; {
			time.Sleep(grace)
			w.mu.Lock()
			trouble = w.store.away || w.store.errs > 0
			w.mu.Unlock()
		}
		time.Sleep(grace)
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.given[token].crashed && time.Now().Before(w.dies[token]) {
			w.wrong = append(w.wrong, token+" lives long after the release was told nil")
		}
	}()
}

func (w *world) run() {
	w.give(w.any(), true, false)
	var calls sync.WaitGroup
	crashes, loses, away := w.chance(2), w.chance(4), w.chance(4)
	for n := range 2 + w.rand.IntN(4) {
		calls.Go(func() {
			w.pause(time.Duration(n+1) * time.Second / 2)
			w.mu.Lock()
			admitted := w.admits
			w.mu.Unlock()
			if admitted {
				w.give(w.any(), false, w.chance(3))
			}
		})
	}
	if crashes {
		calls.Go(func() {
			w.pause(4 * time.Second)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.Crashes++
			w.replicas[0].crashed = true
			w.replicas[0] = w.newReplica()
		})
	}
	if away {
		calls.Go(func() {
			w.pause(2 * time.Second)
			w.mu.Lock()
			w.away, w.store.away = true, true
			w.mu.Unlock()
			w.pause(20 * time.Second)
			w.mu.Lock()
			w.store.away = false
			w.mu.Unlock()
		})
	}
	w.pause(3 * time.Second)
	if loses {
		w.mu.Lock()
		if w.admits {
			w.Lost++
			w.store.values = map[string][]byte{} // late Swaps go into the old one
		}
		w.mu.Unlock()
	}
	w.release()
	calls.Wait()
	w.mu.Lock()
	w.store.errs = 0
	w.mu.Unlock()
	time.Sleep(3 * grace)
}
