package ledger_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// nil though this replica knows a token that lives.
func TestEyesAReleaseThatCannotRevokeWhatIsUnrecordedIsNoNil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, elsewhere := newOffice(t), newOffice(t)
		elsewhere.Store = o.Store
		l := o.begin(t)
		o.away.Store(true)
		o.issue(t, l, "a")
		require.NoError(t, elsewhere.Release(t.Context(), "ws"))
		o.stuck.Store(true)
		o.away.Store(false)
		time.Sleep(6 * time.Second)
		err := o.Release(t.Context(), "ws")
		o.stuck.Store(false)
		time.Sleep(20 * time.Second)
		require.Error(t, err)
		o.requireRevoked(t, "a")
	})
}

// lateStore answers a Swap with an error although it happens, and may forget it:
// the replica that took it hadn't passed it on.
type lateStore struct {
	tokenprovider.Store
	unsafe bool   // a Swap is taken, and it is said that it isn't safe
	before []byte // to go back to
	key    string
	swaps  int
}

func (s *lateStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	s.swaps++
	ok, err := s.Store.Swap(ctx, key, old, new, ttl)
	if s.unsafe && err == nil && ok {
		s.key, s.before = key, old
		return false, errors.New("not enough replicas have it")
	}
	return ok, err
}

// The Store's contract: after an error a value that is there isn't safe until a
// Swap says true.
func TestEyesARecordIsConfirmedAfterASwapThatWasNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		s := &lateStore{Store: o.Store}
		o.Store = s
		l := o.begin(t)
		s.unsafe = true
		o.issue(t, l, "a") // unrecorded
		s.unsafe = false
		swaps := s.swaps
		time.Sleep(time.Minute)
		t.Log("swaps since:", s.swaps-swaps)
		require.Greater(t, s.swaps, swaps, "it is taken for recorded, and no Swap said so")
	})
}

// A revoked token is in the record as one to be handed out.
func TestEyesATokenThatWasNotHandedOutIsNotGivenLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		l := o.begin(t)
		ctx, cancel := context.WithCancel(t.Context())
		o.Store = leaver{o.Store, cancel}
		err := o.Issue(ctx, "ws", l.Generation, newToken("a"), "")
		require.Error(t, err)
		o.requireRevoked(t, "a")
		l = o.begin(t)
		given, ok := l.Live("", time.Time{})
		dead := ok && o.WasRevoked(t.Context(), tokenprovider.TokenSHA256(given.Value.Reveal()))
		require.True(t, !ok || dead, "a revoked token is on record as a live one")
	})
}

// leaver has its caller leave while a Swap happens.
type leaver struct {
	tokenprovider.Store
	leave func()
}

func (s leaver) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	_, _ = s.Store.Swap(context.WithoutCancel(ctx), key, old, new, ttl)
	s.leave()
	return false, context.Canceled
}
