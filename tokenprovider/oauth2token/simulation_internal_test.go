package oauth2token

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

var (
	firstSeed = flag.Uint64("seed", 0, "first seed of the simulation; 0: another one each time")
	runs      = flag.Int("runs", 500, "runs of the simulation, each with a seed of its own")
)

// TestNoChainIsLostButWhereNobodyCouldKeepIt runs replicas with random delays,
// crashes, a forge that fails and loses answers, a Store that errs, hangs, is
// away for a while or loses a record, and people who sign in meanwhile.
func TestNoChainIsLostButWhereNobodyCouldKeepIt(t *testing.T) {
	var (
		mu    sync.Mutex
		total tally
		wrong []string
	)
	testutil.Simulate(t, *firstSeed, *runs, 125, time.Hour, func(seed uint64) {
		w := newWorld(seed)
		w.run()
		mu.Lock()
		defer mu.Unlock()
		w.mu.Lock() // a refresh may still run
		defer w.mu.Unlock()
		total.add(w.tally)
		for _, text := range w.wrong {
			wrong = append(wrong, fmt.Sprintf("seed %d: %s", seed, text))
		}
	})
	t.Logf("%+v", total)
	require.Empty(t, wrong[:min(len(wrong), 10)], "%d are wrong", len(wrong))
	for what, n := range map[string]int{
		"calls that were served": total.Served, "calls that were told to sign in": total.SignIn, "calls that failed": total.Failed,
		"exchanges": total.Exchanges, "exchanges of a token a second time": total.Twice, "crashes": total.Crashes,
		"lost answers": total.LostAnswers, "records that the store lost": total.Lost, "sign-ins": total.SignIns,
	} {
		require.NotZero(t, n, what)
	}
}

// tally counts what happened, so that a simulation in which nothing does is
// seen.
type tally struct{ Served, SignIn, Failed, Exchanges, Twice, Crashes, LostAnswers, Lost, SignIns int }

func (sum *tally) add(w tally) {
	sum.Served += w.Served
	sum.SignIn += w.SignIn
	sum.Failed += w.Failed
	sum.Exchanges += w.Exchanges
	sum.Twice += w.Twice
	sum.Crashes += w.Crashes
	sum.LostAnswers += w.LostAnswers
	sum.Lost += w.Lost
	sum.SignIns += w.SignIns
}

const (
	simulatedLife = 2 * time.Hour
	simulatedKey  = "gitlab/ann"
)

// world is one person, and the replicas that act as her.
type world struct {
	mu       sync.Mutex
	rand     *rand.Rand
	settings *settings // to look into records
	records  map[string]*record
	replicas []*replica
	forge    simulatedForge
	store    simulatedStore
	trouble  bool      // the store had any
	calmAt   time.Time // when that was over
	lastSet  string
	wrong    []string
	tally
}

// replica is a process of the platform. One that crashed reaches nobody, and
// nobody hears of it any more.
type replica struct {
	*Provider
	world   *world
	ahead   time.Duration // by how much its clock is
	crashed bool
	ghost   map[string][]byte // its store then
	shifted map[string][]byte // what is in the store, by how it was shown to this replica
}

func newWorld(seed uint64) *world {
	w := &world{rand: rand.New(rand.NewPCG(seed, 1)), records: map[string]*record{}}
	w.settings, _ = newSettings("a test", &oauth2.Config{ClientID: "id", Endpoint: oauth2.Endpoint{TokenURL: "https://forge.example/token"}},
		simulated{w.replicaOf(nil)}, Options{SealKeys: [][]byte{bytes.Repeat([]byte{7}, 32)}})
	w.forge = simulatedForge{world: w, families: w.chance(2), tokens: map[string]*grant{}}
	w.store = simulatedStore{world: w, values: map[string][]byte{}, stored: map[string]bool{}, replaced: map[string]time.Time{}}
	for range 3 {
		w.replicas = append(w.replicas, w.newReplica())
	}
	return w
}

func (w *world) replicaOf(p *Provider) *replica {
	return &replica{Provider: p, world: w, ghost: map[string][]byte{}, shifted: map[string][]byte{}}
}

func (w *world) newReplica() *replica {
	r := w.replicaOf(nil)
	if w.chance(2) {
		r.ahead = time.Duration(w.rand.Int64N(int64(10*time.Minute))) - 5*time.Minute
	}
	p, err := New(&oauth2.Config{ClientID: "id", ClientSecret: "secret", Endpoint: oauth2.Endpoint{TokenURL: "https://forge.example/token"}},
		simulated{r}, simulatedKey, Options{
			SealKeys: [][]byte{bytes.Repeat([]byte{7}, 32)}, HTTPClient: &http.Client{Transport: &wireOf{r}}, Logger: slog.New(slog.DiscardHandler),
		})
	if err != nil {
		panic(err)
	}
	r.Provider = p
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

// open returns the record that value is; nil for none, and for what can't be
// opened.
func (w *world) open(value []byte) *record {
	r, known := w.records[string(value)]
	if !known {
		r, _ = w.settings.unseal(simulatedKey, value)
		w.records[string(value)] = r
	}
	return r
}

func (w *world) say(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// call asks a replica for a token, and judges what it says.
func (w *world) call(r *replica) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	token, expiresAt, err := r.Token(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.crashed {
		return
	}
	now := time.Now()
	calm := now.Sub(w.calmSince()) // what the store says was to be seen for that long
	slack := lookInterval + lookPatience + 2*time.Second
	if w.trouble {
		slack = lookAgain + lookInterval + 2*time.Second
	}
	switch {
	case err == nil:
		w.Served++
		g := w.forge.grantOf(token)
		switch {
		case g == nil:
			w.say("a token was served that the forge doesn't know")
		case !w.store.stored[token]:
			w.say("%s was served before it was stored", token)
		case g.died.Before(now.Add(-5 * time.Minute)):
			w.say("%s was served long after its death", token)
		}
		if at, ok := w.store.replaced[token]; ok && min(calm, now.Sub(at)) > slack {
			w.say("%s was served %s after it was replaced", token, now.Sub(at))
		}
		if !expiresAt.After(now) {
			w.say("%s was served expired", token)
		}
	case tokenprovider.CodeOf(err) == tokenprovider.CodeUnauthenticated:
		w.SignIn++
		if since := w.store.livingSince(); !since.IsZero() && min(calm, now.Sub(since)) > slack {
			w.say("%v, while the store has a living chain since %s", err, now.Sub(since))
		}
	default:
		w.Failed++
	}
}

// calmSince returns since when the store has had no trouble.
func (w *world) calmSince() time.Time {
	if w.store.errs > 0 || w.store.away {
		return time.Now()
	}
	return w.calmAt
}

// signIn has the person sign in at a replica, until that is told so.
func (w *world) signIn() {
	for {
		r := w.any()
		w.mu.Lock()
		t, chain := w.forge.signIn(), fmt.Sprint("chain-", w.SignIns)
		w.SignIns++
		w.mu.Unlock()
		err := r.Set(context.Background(), t)
		w.mu.Lock()
		crashed := r.crashed
		if err == nil && !crashed {
			w.lastSet = chain
		}
		w.mu.Unlock()
		if err == nil && !crashed {
			return
		}
		w.pause(10 * time.Second)
	}
}

func (w *world) run() {
	w.signIn()
	crashes, loses, away, troubled := w.chance(3), w.chance(8), w.chance(4), w.chance(3)
	for episode := range 3 {
		var calls sync.WaitGroup
		w.mu.Lock()
		if troubled && episode < 2 {
			w.store.errs, w.forge.errs = w.rand.IntN(4), w.rand.IntN(5)
		} else {
			w.calm()
		}
		w.mu.Unlock()
		for range 2 + w.rand.IntN(5) {
			calls.Go(func() {
				w.pause(8 * time.Second)
				for range 3 {
					w.call(w.any())
					w.pause(3 * time.Second)
				}
			})
		}
		if crashes && episode < 2 {
			calls.Go(func() { w.pause(9 * time.Second); w.crash() })
		}
		if away && episode == 1 {
			calls.Go(w.storeAway)
		}
		if w.chance(6) {
			calls.Go(func() { w.pause(10 * time.Second); w.signIn() })
		}
		calls.Wait()
		if loses && episode == 1 {
			w.mu.Lock()
			w.Lost++
			w.store.lose()
			w.mu.Unlock()
		}
		w.mu.Lock()
		sleeps := simulatedLife - time.Duration(w.rand.Int64N(int64(30*time.Minute)))
		w.mu.Unlock()
		time.Sleep(sleeps)
	}
	w.end()
}

// calm ends what goes wrong at the store and the forge.
func (w *world) calm() {
	if w.store.errs > 0 {
		w.calmAt = time.Now()
	}
	w.store.errs, w.forge.errs = 0, 0
}

// crash ends a replica and starts another one.
func (w *world) crash() {
	r := w.newReplica()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Crashes++
	w.replicas[0].crashed = true
	for _, g := range w.forge.tokens {
		if g.into != nil && g.saver == w.replicas[0] && !w.store.stored[g.into.access] {
			w.forge.excuse(g.chain) // nobody else has it
		}
	}
	w.replicas[0] = r
}

func (w *world) storeAway() {
	w.pause(5 * time.Second)
	w.mu.Lock()
	w.trouble, w.store.away = true, true
	w.mu.Unlock()
	w.pause(40 * time.Second)
	w.mu.Lock()
	w.store.away, w.calmAt = false, time.Now()
	w.mu.Unlock()
}

// end looks at what is left when all trouble is over.
func (w *world) end() {
	w.mu.Lock()
	w.calm()
	w.mu.Unlock()
	r := w.any()
	for range 8 { // for back-offs, attempts of the dead and what is still unsaved
		for _, each := range w.replicas {
			w.call(each)
		}
		time.Sleep(45 * time.Second)
	}
	token, _, err := r.Token(context.Background())
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.forge.grantOf(token)
	switch {
	case err == nil && g.chain != w.lastSet:
		w.say("%s is of %s, and the last sign-in was %s", token, g.chain, w.lastSet)
	case err == nil || w.Lost > 0 || w.forge.excused[w.lastSet]:
	default:
		w.say("the chain is lost: %v", err)
	}
}
