package apiclient

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

var (
	broken  = &Error{Code: tokenprovider.CodeUnavailable, Err: errors.New("503")}
	badKey  = &Error{Code: tokenprovider.CodeUnauthenticated, Err: errors.New("bad key")}
	tooMany = &Error{Code: tokenprovider.CodeRateLimited, RetryAfter: time.Minute, Err: errors.New("429")}
)

// ask makes a request at the gate that ends with that verdict, and reports
// whether it was made.
func (g *gate) ask(path string, v verdict, err *Error) bool {
	p, refused := g.enter(path, false)
	if refused != nil {
		return false
	}
	g.leave(p, v, err)
	return true
}

// count asks every second for a while, for each of so many paths, and returns
// how many requests were made.
func (g *gate) count(d time.Duration, paths int, v verdict, err *Error) (made int) {
	for began := time.Now(); time.Since(began) < d; time.Sleep(time.Second) {
		for n := range paths {
			if g.ask(fmt.Sprint("/", n), v, err) {
				made++
			}
		}
	}
	return made
}

func TestHowOftenIsAskedDoesNotDependOnHowManyAsk(t *testing.T) {
	for name, c := range map[string]struct {
		verdict verdict
		err     *Error
		most    int // in an hour
	}{
		"refused": {refused, badKey, 9},
		"down":    {down, broken, 70},
		"ended":   {ended, badKey, 62},
		"limited": {limited, tooMany, 8},
	} {
		for _, paths := range []int{1, 50} {
			t.Run(fmt.Sprint(name, ", ", paths), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					require.LessOrEqual(t, new(gate).count(time.Hour, paths, c.verdict, c.err), c.most)
				})
			})
		}
	}
}

func TestWhatIsHeldBackGetsTheErrorThatGitHubGave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		require.True(t, g.ask("/a", refused, badKey))
		time.Sleep(10 * time.Second)
		_, err := g.enter("/b", false)
		held, ok := errors.AsType[*Error](err)
		require.True(t, ok)
		require.True(t, held.Held)
		require.Equal(t, badKey.Code, held.Code)
		require.Equal(t, 20*time.Second, held.RetryAfter)
		require.ErrorIs(t, err, badKey.Err)
		require.EqualError(t, err, "bad key; requests are held back for another 20s")
		require.False(t, badKey.Held, "it is a copy")
		time.Sleep(20 * time.Second)
		require.True(t, g.ask("/a", refused, badKey))
		_, err = g.enter("/b", false)
		held, _ = errors.AsType[*Error](err)
		require.Equal(t, firstRefused, held.RetryAfter, "though the hold is longer")
		require.ErrorContains(t, err, "another 1m0s")
		require.Equal(t, []tokenprovider.Hold{{Subject: "app", Code: badKey.Code, Until: time.Now().Round(0).Add(time.Minute)}}, g.holds())
	})
}

func TestOneRequestFindsOutWhetherAHoldIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.ask("/a", refused, badKey)
		time.Sleep(firstRefused)
		probe, err := g.enter("/a", false)
		require.NoError(t, err)
		require.True(t, probe.probes)
		require.False(t, g.ask("/b", answered, nil), "the others are held back meanwhile")
		g.leave(probe, nothing, nil) // its caller gave up
		require.False(t, g.ask("/b", answered, nil))
		time.Sleep(retryProbe)
		require.True(t, g.ask("/b", answered, nil))
		require.True(t, g.ask("/c", answered, nil), "an answer ends it")
		require.Empty(t, g.holds())
	})
}

func TestOneBrokenInstallationHoldsNoOtherBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		bad := 0
		for range 3600 {
			for n := range 5 {
				require.True(t, g.ask(fmt.Sprint("/good/", n), answered, nil))
				for b := range 2 {
					if g.ask(fmt.Sprint("/bad/", b), down, broken) {
						bad++
					}
				}
			}
			time.Sleep(time.Second)
		}
		require.LessOrEqual(t, bad, 2*70, "once a minute each")
	})
}

func TestABlipHoldsNothingBack(t *testing.T) {
	var g gate
	require.True(t, g.ask("/a", down, broken))
	require.True(t, g.ask("/a", answered, nil))
	require.True(t, g.ask("/a", down, broken))
	require.True(t, g.ask("/a", down, broken))
	require.False(t, g.ask("/a", answered, nil), "the second in a row")
	require.True(t, g.ask("/b", answered, nil))
}

func TestAHerdThatFailsAtOnceCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		for _, c := range []struct {
			v    verdict
			err  *Error
			wait time.Duration
		}{{refused, badKey, firstRefused}, {limited, tooMany, time.Minute}, {down, broken, firstDown}} {
			g = gate{}
			var herd []pass
			for n := range 16 {
				p, err := g.enter(fmt.Sprint("/", n), false)
				require.NoError(t, err)
				herd = append(herd, p)
			}
			for _, p := range herd {
				g.leave(p, c.v, c.err)
			}
			require.Equal(t, c.wait, time.Until(g.app.until))
		}
		g = gate{}
		late, err := g.enter("/a", false)
		require.NoError(t, err)
		g.ask("/b", refused, badKey)
		g.leave(late, answered, nil)
		require.False(t, g.ask("/c", answered, nil), "an answer to what was asked before the refusal ends nothing")

		g = gate{}
		g.ask("/a", down, broken)
		first, err := g.enter("/a", false)
		require.NoError(t, err)
		second, err := g.enter("/a", false)
		require.NoError(t, err)
		g.leave(first, down, broken)
		g.leave(second, down, broken)
		require.Equal(t, firstDown, time.Until(g.paths["/a"].until), "of one path, too")
	})
}

func TestAFailureIsHeldForAsLongAsItAsksWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for asks, want := range map[time.Duration]time.Duration{0: firstDown, 20 * time.Second: 20 * time.Second, time.Hour: maxDown} {
			var g gate
			asking := *broken
			asking.RetryAfter = asks
			g.ask("/a", down, &asking)
			g.ask("/a", down, &asking)
			require.Equal(t, want, time.Until(g.paths["/a"].until))
		}
	})
}

func TestAJWTThatCannotBeSignedSaysNothingOfGitHub(t *testing.T) {
	require.Equal(t, nothing, verdictOf(t.Context(), errors.New("the signer is away")))
}

func TestATokensRequestIsHeldBackOnlyWhileGitHubIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.ask("/a", refused, badKey)
		p, err := g.enter("/token", true)
		require.NoError(t, err)
		g.leave(p, answered, nil)
		require.False(t, g.ask("/b", answered, nil), "what a token is answered says nothing of the app")
		for n := range silentPaths {
			p, err = g.enter(fmt.Sprint("/token/", n), true)
			require.NoError(t, err)
			g.leave(p, down, broken)
		}
		require.Equal(t, badKey.Code, g.holds()[0].Code, "nor does what it isn't answered")
		g.open()
		require.True(t, g.ask("/b", answered, nil))
		for n := range silentPaths {
			g.ask(fmt.Sprint("/", n), down, broken)
		}
		p, err = g.enter("/token", true)
		require.NoError(t, err, "it may be that only mints fail")
		g.leave(p, down, broken)
		_, err = g.enter("/token", true)
		require.Error(t, err)
		time.Sleep(firstDown)
		p, err = g.enter("/token", true)
		require.NoError(t, err)
		g.leave(p, refused, badKey) // an answer nevertheless
		require.True(t, g.ask("/b", answered, nil))
	})
}

func TestAHoldIsOverWhenTheClockWasSetBack(t *testing.T) {
	var g gate
	g.ask("/a", limited, tooMany)
	require.False(t, g.ask("/a", answered, nil))
	g.app.until = time.Now().Add(48 * time.Hour)
	require.True(t, g.ask("/a", answered, nil))
}

func TestALimitThatIsToldToLastLongerIsHeldForLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		a, _ := g.enter("/a", false)
		b, _ := g.enter("/b", false)
		g.leave(a, limited, tooMany)
		g.leave(b, limited, &Error{Code: tokenprovider.CodeRateLimited, RetryAfter: time.Hour, Err: errors.New("429")})
		require.Equal(t, time.Hour, time.Until(g.app.until))
	})
}

func TestAtMostOneRequestProbesWhateverComesOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outcomes := []struct {
			v   verdict
			err *Error
		}{{nothing, nil}, {answered, nil}, {limited, tooMany}, {refused, badKey}, {ended, badKey}, {down, broken}}
		var g gate
		var made atomic.Int64
		var probes sync.Map // the hold that a request under way probes
		var callers sync.WaitGroup
		for n := range 50 {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			callers.Go(func() {
				for range 2000 {
					time.Sleep(time.Duration(random.IntN(5000)) * time.Millisecond)
					token := random.IntN(4) == 0
					p, err := g.enter(fmt.Sprint("/", random.IntN(8)), token)
					if err != nil {
						held, ok := errors.AsType[*Error](err)
						if !ok || !held.Held || held.RetryAfter <= 0 {
							t.Errorf("an error that isn't of a hold: %v", err)
						}
						continue
					}
					made.Add(1)
					if p.probes {
						if _, another := probes.LoadOrStore(p.app, true); another {
							t.Error("two requests probe the same hold")
						}
					}
					time.Sleep(time.Duration(random.IntN(20_000)) * time.Millisecond)
					if p.probes {
						probes.Delete(p.app)
					}
					o := outcomes[random.IntN(len(outcomes))]
					g.leave(p, o.v, o.err)
				}
			})
		}
		callers.Wait()
		require.Positive(t, made.Load())
		time.Sleep(maxHold)
		for n := range 8 { // nothing is left behind that would hold for ever
			require.True(t, g.ask(fmt.Sprint("/", n), answered, nil))
		}
		require.Empty(t, g.paths)
		require.Empty(t, g.holds())
	})
}
