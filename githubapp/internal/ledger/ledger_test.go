package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/ledger"
	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

// office is a ledger, with what it revoked, over a Store that can be away.
type office struct {
	*ledger.Ledger
	tokenprovider.Store
	away     atomic.Bool
	stuck    atomic.Bool // nothing can be revoked
	revoking func()      // called when something is; may be nil
	mu       sync.Mutex
	revoked  map[string]int
	log      *testutil.Capture
	lastKey  string
	lastTTL  time.Duration
	lastSwap []byte
}

func (o *office) Load(ctx context.Context, key string) ([]byte, error) {
	if o.away.Load() {
		return nil, errors.New("connection refused")
	}
	return o.Store.Load(ctx, key)
}

func (o *office) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if o.away.Load() {
		return false, errors.New("connection refused")
	}
	o.mu.Lock()
	o.lastKey, o.lastSwap, o.lastTTL = key, new, ttl
	o.mu.Unlock()
	return o.Store.Swap(ctx, key, old, new, ttl)
}

func newOffice(t *testing.T) *office {
	o := &office{Store: tokenprovidertest.NewStore(), revoked: map[string]int{}, log: testutil.NewCapture(t, "token-")}
	o.Ledger = ledger.New(ledger.Config{
		Store: o, SealKeys: [][]byte{bytes.Repeat([]byte{7}, 32)}, TokenLife: life,
		Key:    func(kind, name string) string { return kind + "/" + name },
		Logger: slog.New(slog.NewTextHandler(o.log, nil)),
		Revoke: func(_ context.Context, token, _ string) error {
			if o.stuck.Load() {
				return errors.New("no answer")
			}
			if o.revoking != nil {
				o.revoking()
			}
			o.mu.Lock()
			defer o.mu.Unlock()
			o.revoked[token]++
			return nil
		},
	})
	return o
}

// requireRevoked requires that these tokens were revoked, once each, and no other.
func (o *office) requireRevoked(t *testing.T, names ...string) {
	t.Helper()
	want := map[string]int{}
	for _, name := range names {
		want["token-"+name] = 1
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	require.Equal(t, want, o.revoked)
}

// issue records a new token of that life.
func (o *office) issue(t *testing.T, l ledger.Life, name string) {
	t.Helper()
	require.NoError(t, o.Issue(t.Context(), "ws", l.Generation, newToken(name), ""))
}

func newToken(name string) ledger.Token {
	now := time.Now()
	return ledger.Token{Value: secret.New("token-" + name), MintedAt: now, ExpiresAt: now.Add(life)}
}

func (o *office) begin(t *testing.T) ledger.Life {
	t.Helper()
	l, err := o.Begin(t.Context(), "ws")
	require.NoError(t, err)
	return l
}

func TestALifeHasItsLongestLivingTokenOfAPurpose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		l := o.begin(t)
		for n, purpose := range []string{"one", "two", "one"} {
			token := newToken(fmt.Sprint(n))
			token.For = purpose
			require.NoError(t, o.Issue(t.Context(), "ws", l.Generation, token, ""))
			time.Sleep(time.Minute)
		}
		short := newToken("short")
		short.For, short.ExpiresAt = "one", time.Now().Add(life/2)
		require.NoError(t, o.Issue(t.Context(), "ws", l.Generation, short, ""))
		l, err := o.Read(t.Context(), "ws")
		require.NoError(t, err)
		got, ok := l.Live("one", time.Time{})
		require.True(t, ok)
		require.Equal(t, "token-2", got.Value.Reveal())
		_, ok = l.Live("one", time.Now())
		require.False(t, ok, "all of the installation died since")
		got, _ = l.Live("two", time.Time{})
		_, ok = l.Live("two", got.MintedAt)
		require.False(t, ok, "it was minted when all died, and not after")
		_, ok = l.Live("three", time.Time{})
		require.False(t, ok)
		require.True(t, l.Gave("token-0"))
		require.False(t, l.Gave("token-3"))
		time.Sleep(life)
		_, ok = l.Live("one", time.Time{})
		require.False(t, ok)
	})
}

func TestATokenThatReplacesARefusedOneLeavesItOwed(t *testing.T) {
	o := newOffice(t)
	l := o.begin(t)
	o.issue(t, l, "refused")
	require.NoError(t, o.Issue(t.Context(), "ws", l.Generation, newToken("fresh"), tokenprovider.TokenSHA256("token-refused")))
	l = o.begin(t)
	require.False(t, l.Gave("token-refused"))
	require.True(t, l.Gave("token-fresh"))
	o.stuck.Store(true)
	require.Error(t, o.Settle(t.Context(), "ws", ""))
	o.stuck.Store(false)
	require.NoError(t, o.Settle(t.Context(), "ws", ""))
	require.NoError(t, o.Settle(t.Context(), "ws", ""))
	o.requireRevoked(t, "refused")
}

func TestATokenThatIsReplacedWithoutANewOneIsRevoked(t *testing.T) {
	o := newOffice(t)
	l := o.begin(t)
	token := newToken("refused")
	token.ExpiresAt = token.ExpiresAt.Add(time.Minute) // it would be the one that lives longest
	require.NoError(t, o.Issue(t.Context(), "ws", l.Generation, token, ""))
	o.issue(t, l, "fresh")
	o.stuck.Store(true)
	require.Error(t, o.Settle(t.Context(), "ws", tokenprovider.TokenSHA256("token-refused")))
	l = o.begin(t)
	require.False(t, l.Gave("token-refused"), "it is owed")
	live, _ := l.Live("", time.Time{})
	require.Equal(t, "token-fresh", live.Value.Reveal())
	require.True(t, l.Gave("token-fresh"))
	o.stuck.Store(false)
	require.NoError(t, o.Settle(t.Context(), "ws", ""))
	o.requireRevoked(t, "refused")
}

func TestARecordIsKeptForAsLongAsItIsNeeded(t *testing.T) {
	o := newOffice(t)
	o.issue(t, o.begin(t), "a")
	require.Equal(t, 30*24*time.Hour, o.lastTTL)
	require.NoError(t, o.Release(t.Context(), "ws"))
	require.Equal(t, 24*time.Hour, o.lastTTL)
	require.Empty(t, testutil.Leak(string(o.lastSwap), "token-a"), "it is sealed")
}

func TestDeadTokensLeaveTheRecordAndAreNotRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		l := o.begin(t)
		sizes := []int{}
		for n := range 10 {
			o.issue(t, l, fmt.Sprint(n))
			sizes = append(sizes, len(o.lastSwap))
			time.Sleep(life)
		}
		require.Less(t, sizes[9], 2*sizes[0])
		require.NoError(t, o.Release(t.Context(), "ws"))
		o.requireRevoked(t)
	})
}

func TestUnrecordedTokensAreRecordedWhenTheStoreAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		l := o.begin(t)
		o.away.Store(true)
		o.issue(t, l, "a")
		o.issue(t, ledger.Life{}, "b") // its generation couldn't be read
		_, err := o.Read(t.Context(), "ws")
		require.Equal(t, ledger.ErrAway, err)
		require.Equal(t, ledger.ErrAway, o.Release(t.Context(), "ws"))
		time.Sleep(20 * time.Minute)
		o.away.Store(false)
		time.Sleep(10 * time.Second)
		l, err = o.Read(t.Context(), "ws")
		require.NoError(t, err)
		require.True(t, l.Gave("token-a") && l.Gave("token-b"))
		require.NoError(t, o.Release(t.Context(), "ws"))
		o.requireRevoked(t, "a", "b")
		require.Equal(t, 2, strings.Count(o.log.String(), "token handed out without a record"))
	})
}

func TestALifeThatBeganWhileTheStoreWasAwayGoesOn(t *testing.T) {
	for name, released := range map[string]bool{"of a new workspace": false, "after a release": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t)
				if released {
					o.begin(t)
					require.NoError(t, o.Release(t.Context(), "ws"))
				}
				o.away.Store(true)
				time.Sleep(time.Second)
				l, err := o.Begin(t.Context(), "ws")
				require.Equal(t, ledger.ErrAway, err)
				o.away.Store(false)
				time.Sleep(time.Minute)
				o.issue(t, l, "a")
				l, err = o.Read(t.Context(), "ws")
				require.NoError(t, err)
				require.True(t, l.Gave("token-a"))
				_ = o.Release(t.Context(), "ws") // it may not be sure of what was before
				o.requireRevoked(t, "a")
			})
		})
	}
}

func TestAWorkspaceThatStartedWhileTheStoreWasAwayIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		s := &slowStore{Store: o.Store}
		o.Store = s
		o.begin(t)
		require.NoError(t, o.Release(t.Context(), "ws"))
		o.away.Store(true)
		time.Sleep(time.Second)
		l, err := o.Begin(t.Context(), "ws")
		require.Equal(t, ledger.ErrAway, err)
		time.Sleep(4 * time.Second)
		o.issue(t, l, "a") // it is tried to be recorded from 5 s later on
		o.away.Store(false)
		time.Sleep(4 * time.Second)
		require.False(t, o.WasRevoked(t.Context(), "any"), "the Store is back")
		s.next.Store(int64(1500 * time.Millisecond)) // what it says is old when it comes
		l, err = o.Read(t.Context(), "ws")
		require.NoError(t, err)
		require.True(t, l.Gave("token-a"))
	})
}

func TestWhatIsUnrecordedIsOfItsOwnLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, elsewhere := newOffice(t), newOffice(t)
		elsewhere.Store = o.Store
		old := o.begin(t)
		o.away.Store(true)
		_, err := o.Read(t.Context(), "ws")
		require.Equal(t, ledger.ErrAway, err)
		require.NoError(t, elsewhere.Release(t.Context(), "ws"))
		elsewhere.begin(t)
		time.Sleep(4 * time.Second)
		o.issue(t, old, "old")
		o.issue(t, ledger.Life{}, "any") // its generation couldn't be read
		o.away.Store(false)
		time.Sleep(2 * time.Second) // the Store is asked again, and nothing recorded yet
		l, err := o.Read(t.Context(), "ws")
		require.NoError(t, err)
		require.False(t, l.Gave("token-old"))
		require.True(t, l.Gave("token-any"))
	})
}

// slowStore takes its time to tell what a Load found, and more for the next one.
type slowStore struct {
	tokenprovider.Store
	each time.Duration
	next atomic.Int64
}

func (s *slowStore) Load(ctx context.Context, key string) ([]byte, error) {
	takes := s.each + time.Duration(s.next.Swap(0))
	value, err := s.Store.Load(ctx, key)
	time.Sleep(takes)
	return value, err
}

func TestAReleaseByAProcessThatLivesForLongIsSure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		alone := ledger.New(ledger.Config{
			TokenLife: life, Key: func(kind, name string) string { return kind + name },
			Logger: slog.New(slog.DiscardHandler), Revoke: func(context.Context, string, string) error { return nil },
		})
		_, err := alone.Read(t.Context(), "early")
		require.NoError(t, err)
		require.ErrorAs(t, alone.Release(t.Context(), "early"), new(*ledger.Uncertain))
		time.Sleep(life)
		_, err = alone.Read(t.Context(), "ws")
		require.NoError(t, err)
		require.NoError(t, alone.Release(t.Context(), "ws"))
		_, err = o.Read(t.Context(), "ws")
		require.NoError(t, err)
		o.requireUncertain(t) // its Store may have lost something
	})
}

func TestATokenOfALifeThatWasReleasedIsNotHandedOut(t *testing.T) {
	o, elsewhere := newOffice(t), newOffice(t)
	elsewhere.Store = o.Store
	elsewhere.stuck.Store(true)
	l := o.begin(t)
	o.Store = &retryingStore{o.Store, func() { // the token is on record, and owed from now on
		require.Error(t, elsewhere.Release(t.Context(), "ws"))
	}}
	require.Equal(t, ledger.ErrReleased, o.Issue(t.Context(), "ws", l.Generation, newToken("a"), ""))
	o.requireRevoked(t, "a")
}

func TestWhatIsRevokedLeavesTheRecordWhoeverHungUp(t *testing.T) {
	o := newOffice(t)
	o.issue(t, o.begin(t), "a")
	ctx, cancel := context.WithCancel(t.Context())
	o.revoking = cancel
	_ = o.Release(ctx, "ws")
	require.NoError(t, o.Release(t.Context(), "ws"))
	o.requireRevoked(t, "a")
}

func TestARecordThatIsLostDuringAReleaseIsNoDefect(t *testing.T) {
	o := newOffice(t)
	o.issue(t, o.begin(t), "a")
	o.revoking = func() { o.Store = tokenprovidertest.NewStore() }
	require.NoError(t, o.Release(t.Context(), "ws"))
	o.requireRevoked(t, "a")
}

// retryingStore swaps once more after an answer was lost, and says what came of
// that.
type retryingStore struct {
	tokenprovider.Store
	meanwhile func()
}

func (s *retryingStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	swapped, err := s.Store.Swap(ctx, key, old, new, ttl)
	if s.meanwhile == nil || !swapped {
		return swapped, err
	}
	s.meanwhile()
	s.meanwhile = nil
	return s.Store.Swap(ctx, key, old, new, ttl)
}

// releasedElsewhere returns an office that gave a token while its Store was away,
// as it is still, and whose workspace another one has released.
func releasedElsewhere(t *testing.T) *office {
	o, elsewhere := newOffice(t), newOffice(t)
	elsewhere.Store = o.Store
	l := o.begin(t)
	o.away.Store(true)
	o.issue(t, l, "a")
	require.NoError(t, elsewhere.Release(t.Context(), "ws"))
	return o
}

func TestUnrecordedTokensOfAReleasedWorkspaceAreRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := releasedElsewhere(t)
		o.away.Store(false)
		o.stuck.Store(true)
		time.Sleep(time.Minute)
		o.requireRevoked(t)
		o.stuck.Store(false)
		time.Sleep(10 * time.Second)
		o.requireRevoked(t, "a")
	})
}

func TestAReleaseThatCannotRevokeTheUnrecordedIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := releasedElsewhere(t)
		o.stuck.Store(true)
		o.away.Store(false)
		time.Sleep(6 * time.Second)
		require.ErrorContains(t, o.Release(t.Context(), "ws"), "no answer")
		o.stuck.Store(false)
		require.NoError(t, o.Release(t.Context(), "ws"))
		o.requireRevoked(t, "a")
	})
}

func TestATokenIsRecordedWhenTheStoreSaysThatItIsSafe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, elsewhere := newOffice(t), newOffice(t)
		elsewhere.Store = o.Store
		s := &unsafeStore{Store: o.Store}
		o.Store = s
		l := o.begin(t)
		s.unsafe.Store(true)
		o.issue(t, l, "a")
		time.Sleep(time.Minute)
		require.True(t, elsewhere.begin(t).Gave("token-a"), "it is there, but not yet safe")
		s.unsafe.Store(false)
		swaps := s.swaps.Load()
		time.Sleep(time.Minute)
		require.Equal(t, swaps+1, s.swaps.Load())
		require.True(t, o.begin(t).Gave("token-a"))
	})
}

// unsafeStore can take a Swap and say that too few of its replicas have it.
type unsafeStore struct {
	tokenprovider.Store
	unsafe atomic.Bool
	swaps  atomic.Int64
}

func (s *unsafeStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	s.swaps.Add(1)
	swapped, err := s.Store.Swap(ctx, key, old, new, ttl)
	if s.unsafe.Load() && err == nil {
		return false, errors.New("too few replicas have it")
	}
	return swapped, err
}

func TestTheUnrecordedOfAFleetAreRecordedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.away.Store(true)
		for n := range 200 {
			id := fmt.Sprint("ws-", n)
			require.NoError(t, o.Issue(t.Context(), id, "", newToken(id), ""))
		}
		store := o.Store
		o.Store = &slowStore{Store: store, each: 50 * time.Millisecond}
		o.away.Store(false)
		time.Sleep(8 * time.Second)
		for n := range 200 {
			id := fmt.Sprint("ws-", n)
			value, err := store.Load(t.Context(), "workspace/"+id)
			require.NoError(t, err)
			require.NotEmpty(t, value, id)
		}
	})
}

func TestWhatIsUnrecordedEndsWithItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		l := o.begin(t)
		o.away.Store(true)
		o.issue(t, l, "a")
		time.Sleep(life + 11*time.Second) // nobody asks the Store any more
		o.away.Store(false)
		l = o.begin(t)
		require.False(t, l.Gave("token-a"))
	})
}

func TestAReleaseRecordsWhatIsUnrecordedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		l := o.begin(t)
		o.away.Store(true)
		_, err := o.Read(t.Context(), "ws")
		require.Equal(t, ledger.ErrAway, err)
		o.away.Store(false)
		time.Sleep(2 * time.Second)
		o.issue(t, l, "a") // the Store isn't asked yet
		require.Equal(t, ledger.ErrAway, o.Release(t.Context(), "ws"))
		time.Sleep(3 * time.Second)
		require.NoError(t, o.Release(t.Context(), "ws"))
		o.requireRevoked(t, "a")
		time.Sleep(10 * time.Second) // nothing is left to be recorded
	})
}

func TestATokenWhoseRecordWasLostIsRevoked(t *testing.T) {
	o := newOffice(t)
	l := o.begin(t)
	o.Store = tokenprovidertest.NewStore()
	require.Equal(t, ledger.ErrLost, o.Issue(t.Context(), "ws", l.Generation, newToken("a"), ""))
	o.requireRevoked(t, "a")
}

func TestATokenThatWasNotHandedOutIsNotGivenLater(t *testing.T) {
	o, elsewhere := newOffice(t), newOffice(t)
	elsewhere.Store = o.Store
	l := o.begin(t)
	ctx, cancel := context.WithCancel(t.Context())
	o.Store = leaver{o.Store, cancel}
	require.Equal(t, context.Canceled, o.Issue(ctx, "ws", l.Generation, newToken("a"), ""))
	o.requireRevoked(t, "a")
	require.True(t, elsewhere.begin(t).Gave("token-a"), "it came to be on record all the same")
	require.True(t, elsewhere.WasRevoked(t.Context(), tokenprovider.TokenSHA256("token-a")))
}

// leaver has its caller leave while a record is swapped.
type leaver struct {
	tokenprovider.Store
	leave func()
}

func (s leaver) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	swapped, err := s.Store.Swap(ctx, key, old, new, ttl)
	if !strings.HasPrefix(key, "workspace/") {
		return swapped, err
	}
	s.leave()
	return false, context.Canceled
}

func TestATokenThatCannotBeRevokedIsLogged(t *testing.T) {
	o := newOffice(t)
	l := o.begin(t)
	require.NoError(t, o.Release(t.Context(), "ws"))
	o.stuck.Store(true)
	require.Equal(t, ledger.ErrReleased, o.Issue(t.Context(), "ws", l.Generation, newToken("a"), ""))
	require.Contains(t, o.log.String(), "token that wasn't handed out couldn't be revoked")
}

func TestARecordThatNoKeyOpensIsLeftAlone(t *testing.T) {
	o := newOffice(t)
	o.issue(t, o.begin(t), "a")
	foreign := []byte("not a sealed record")
	swapped, err := o.Store.Swap(t.Context(), o.lastKey, o.lastSwap, foreign, time.Hour)
	require.NoError(t, err)
	require.True(t, swapped)
	_, err = o.Begin(t.Context(), "ws")
	require.Equal(t, ledger.ErrSealed, err)
	_, err = o.Read(t.Context(), "ws")
	require.Equal(t, ledger.ErrSealed, err)
	uncertain, ok := errors.AsType[*ledger.Uncertain](o.Release(t.Context(), "ws"))
	require.True(t, ok)
	require.WithinDuration(t, time.Now().Add(life), uncertain.Until, time.Minute)
	value, err := o.Store.Load(t.Context(), o.lastKey)
	require.NoError(t, err)
	require.Equal(t, foreign, value)
}

func TestAStoreThatLosesEverySwapIsSaidToChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.Store = losing{}
		_, err := o.Begin(t.Context(), "ws")
		require.Equal(t, ledger.ErrContended, err)
	})
}

// losing is a Store in which others are always faster.
type losing struct{}

func (losing) Load(context.Context, string) ([]byte, error) { return nil, nil }

func (losing) Swap(context.Context, string, []byte, []byte, time.Duration) (bool, error) {
	return false, nil
}

func TestARevokedTokenIsKnownToAllAndForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, elsewhere := newOffice(t), newOffice(t)
		elsewhere.Store = o.Store
		o.Revoked(t.Context(), "sum")
		require.True(t, elsewhere.WasRevoked(t.Context(), "sum"))
		require.False(t, elsewhere.WasRevoked(t.Context(), "another"))
		o.away.Store(true)
		o.Revoked(t.Context(), "later")
		require.True(t, o.WasRevoked(t.Context(), "later"), "this replica knows without the Store")
		time.Sleep(life - time.Second)
		require.True(t, elsewhere.WasRevoked(t.Context(), "sum"))
		time.Sleep(2 * time.Second)
		require.False(t, elsewhere.WasRevoked(t.Context(), "sum"))
	})
}
