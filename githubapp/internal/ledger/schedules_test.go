package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/ledger"
	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

// TestEveryOrderOfStoreCallsKeepsWhatANilSays runs what replicas do with one
// workspace in every order in which their calls can reach the Store, and with
// each of them crashing before each of its calls.
func TestEveryOrderOfStoreCallsKeepsWhatANilSays(t *testing.T) {
	do := map[string]func(*actor){
		"mint": (*actor).mint, "report": (*actor).report, "release": (*actor).release, "restart": (*actor).restart,
	}
	for _, c := range []struct {
		actors   []string
		switches int // at most, of actors that could have gone on
	}{
		{[]string{"mint", "release"}, 99},
		{[]string{"report", "release"}, 99},
		{[]string{"restart", "release"}, 99},
		{[]string{"release", "release"}, 99},
		{[]string{"mint", "report"}, 99},
		{[]string{"report", "report"}, 3},
		{[]string{"mint", "mint", "release"}, 3},
		{[]string{"mint", "report", "release"}, 3},
		{[]string{"mint", "restart", "release"}, 3},
		{[]string{"mint", "release", "release"}, 3},
	} {
		t.Run(fmt.Sprint(c.actors), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				runs := 0
				var steps []int
				crashes := []crash{{actor: -1}}
				for len(crashes) > 0 {
					var path []choice
					for more := true; more; path, more = next(path) {
						s := newStage(len(c.actors), crashes[0], path, c.switches)
						for n, name := range c.actors {
							s.actors[n].goes(do[name])
						}
						path = s.direct()
						wrong := s.wrong()
						s.close()
						require.Empty(t, wrong, "crash %+v, order %v", crashes[0], path)
						runs++
						if crashes[0].actor < 0 {
							steps = s.most(steps)
						}
					}
					if crashes = crashes[1:]; len(steps) > 0 && len(c.actors) == 2 {
						for n, most := range steps {
							for before := range most {
								crashes = append(crashes, crash{n, before})
							}
						}
						steps = nil
					}
				}
				t.Log(runs, "orders")
				require.Greater(t, runs, 20)
			})
		})
	}
}

// shortLife is how long a token lives, on the clock of the ledger.
const shortLife = 20 * time.Second

// crash says which actor crashes, and before which of its calls; -1: none.
type crash struct{ actor, before int }

// choice is which of the actors that could go went.
type choice struct{ took, of int }

// next returns the path that leads to the next order; false after the last.
func next(path []choice) ([]choice, bool) {
	for n := len(path) - 1; n >= 0; n-- {
		if path[n].took+1 < path[n].of {
			return append(slices.Clone(path[:n]), choice{took: path[n].took + 1}), true
		}
	}
	return nil, false
}

// stage is one order of calls: at each turn one actor's call gets through.
type stage struct {
	crash    crash
	path     []choice
	switches int
	store    tokenprovider.Store

	mu     sync.Mutex
	over   bool // whoever still waits has crashed
	actors []*actor
	lives  map[string]bool   // by token
	given  map[string]string // to the workspace: its generation by token
	said   []error           // to who released
}

// actor is a replica that does one thing.
type actor struct {
	*ledger.Ledger
	stage *stage
	n     int
	turn  chan struct{} // nil: it isn't at a call
	calls int
	done  bool
}

func newStage(actors int, crash crash, path []choice, switches int) *stage {
	s := &stage{crash: crash, path: path, switches: switches, store: tokenprovidertest.NewStore(),
		lives: map[string]bool{}, given: map[string]string{}}
	first := s.actor(-1)
	first.restart() // the workspace runs, and has a token
	for n := range actors {
		s.actors = append(s.actors, s.actor(n))
	}
	return s
}

// actor returns a replica; -1 is one whose calls wait for no turn.
func (s *stage) actor(n int) *actor {
	a := &actor{stage: s, n: n}
	a.Ledger = ledger.New(ledger.Config{
		Store: callers{s.store, a}, SealKeys: [][]byte{bytes.Repeat([]byte{7}, 32)},
		Key: func(kind, name string) string { return kind + "/" + name }, TokenLife: shortLife,
		Revoke: func(_ context.Context, token, _ string) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if n < 0 || !s.over {
				s.lives[token] = false
			}
			return nil
		},
		Logger: slog.New(slog.DiscardHandler),
	})
	return a
}

// callers is the Store as an actor reaches it: at its turn.
type callers struct {
	tokenprovider.Store
	*actor
}

func (c callers) Load(ctx context.Context, key string) ([]byte, error) {
	if err := c.wait(); err != nil {
		return nil, err
	}
	return c.Store.Load(ctx, key)
}

func (c callers) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if err := c.wait(); err != nil {
		return false, err
	}
	return c.Store.Swap(ctx, key, old, new, ttl)
}

// wait waits for the actor's turn. The error is that it crashed.
func (a *actor) wait() error {
	if a.n < 0 {
		return nil
	}
	turn := make(chan struct{})
	a.stage.mu.Lock()
	if a.stage.over {
		a.stage.mu.Unlock()
		return errors.New("crashed")
	}
	a.turn = turn
	a.stage.mu.Unlock()
	<-turn
	a.stage.mu.Lock()
	defer a.stage.mu.Unlock()
	if a.stage.over {
		return errors.New("crashed")
	}
	return nil
}

// goes has a do that.
func (a *actor) goes(do func(*actor)) {
	go func() {
		do(a)
		a.stage.mu.Lock()
		defer a.stage.mu.Unlock()
		a.done = true
	}()
}

// direct lets the actors go, by the path as far as that goes, and returns the
// path that was taken.
func (s *stage) direct() (taken []choice) {
	last, switched := -1, 0
	for {
		synctest.Wait()
		s.mu.Lock()
		ready, asleep := s.ready(last)
		s.mu.Unlock()
		if asleep { // before it tries again
			time.Sleep(time.Millisecond)
			continue
		}
		if len(ready) == 0 {
			break
		}
		if switched == s.switches && ready[0].n == last {
			ready = ready[:1]
		}
		took := 0
		if len(taken) < len(s.path) {
			took = s.path[len(taken)].took
		}
		taken = append(taken, choice{took, len(ready)})
		if took > 0 && ready[0].n == last {
			switched++
		}
		s.mu.Lock()
		a := ready[took]
		last, a.calls = a.n, a.calls+1
		turn := a.turn
		a.turn = nil
		s.mu.Unlock()
		close(turn)
	}
	return taken
}

// close ends the actors that crashed, and what they keep as unrecorded.
func (s *stage) close() {
	s.mu.Lock()
	s.over = true
	crashed := false
	for _, a := range s.actors {
		if a.turn != nil {
			crashed = true
			close(a.turn)
		}
	}
	s.mu.Unlock()
	if crashed {
		time.Sleep(2 * shortLife)
	}
}

// ready returns the actors that wait for their turn, the one that went last
// first, and whether another one isn't at a call yet.
func (s *stage) ready(last int) (ready []*actor, asleep bool) {
	for _, a := range s.actors {
		crashed := s.crash.actor == a.n && s.crash.before == a.calls
		switch {
		case a.turn == nil && !a.done:
			asleep = true
		case a.turn != nil && !crashed && a.n == last:
			ready = slices.Insert(ready, 0, a)
		case a.turn != nil && !crashed:
			ready = append(ready, a)
		}
	}
	return ready, asleep
}

// most returns how many calls each actor made at most.
func (s *stage) most(so []int) []int {
	for n, a := range s.actors {
		if n == len(so) {
			so = append(so, 0)
		}
		so[n] = max(so[n], a.calls)
	}
	return so
}

// wrong returns what shouldn't be: a token that the workspace has and that lives,
// although its life is over or no record knows it.
func (s *stage) wrong() (wrong []string) {
	last := s.actor(-1)
	now, err := last.Read(context.Background(), "ws")
	for token, generation := range s.given {
		running := err == nil && now.Generation == generation
		if s.lives[token] && slices.Contains(s.said, nil) && !running {
			wrong = append(wrong, token+" lives after a release was told nil")
		}
	}
	if err := last.Release(context.Background(), "ws"); err != nil {
		wrong = append(wrong, err.Error())
	}
	for token := range s.given {
		if s.lives[token] {
			wrong = append(wrong, token+" is on no record")
		}
	}
	return wrong
}

// give mints a token for that life and hands it out if it may be.
func (a *actor) give(l ledger.Life, refused string) {
	s := a.stage
	s.mu.Lock()
	token := fmt.Sprint("token-", len(s.lives))
	s.lives[token] = true
	s.mu.Unlock()
	now := time.Now()
	t := ledger.Token{Value: secret.New(token), MintedAt: now, ExpiresAt: now.Add(shortLife)}
	if a.Issue(context.Background(), "ws", l.Generation, t, refused) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.given[token] = l.Generation
	}
}

func (a *actor) mint() {
	if l, err := a.Read(context.Background(), "ws"); err == nil {
		a.give(l, "")
	}
}

func (a *actor) restart() {
	if l, err := a.Begin(context.Background(), "ws"); err == nil {
		a.give(l, "")
	}
}

func (a *actor) report() {
	l, err := a.Read(context.Background(), "ws")
	if err != nil {
		return
	}
	t, _ := l.Live("", time.Time{})
	refused := tokenprovider.TokenSHA256(t.Value.Reveal())
	a.give(l, refused)
	_ = a.Settle(context.Background(), "ws", refused)
}

func (a *actor) release() {
	err := a.Release(context.Background(), "ws")
	a.stage.mu.Lock()
	defer a.stage.mu.Unlock()
	if !a.stage.over {
		a.stage.said = append(a.stage.said, err)
	}
}
