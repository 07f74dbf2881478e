package githubapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestRefusalsOfOneInstallationAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f facts
		for n := range 20_000 { // a workspace a minute that asks for what isn't there
			_, _, scope := about(Scope{Repositories: []string{fmt.Sprint("r", n)}})
			f.hold(42, scope, invalidRequest("no such repository"))
			time.Sleep(time.Minute)
		}
		t.Log(len(f.known[42].refused), "refusals after two weeks; none is held but the last")
		require.LessOrEqual(t, len(f.known[42].refused), 1000)
	})
}

func TestARefusalIsHeldAfterTheClockWasSetBack(t *testing.T) {
	var r refusal
	r.hold(errors.New("refused"))
	r.until = r.until.Add(2 * time.Hour) // as after the clock was set back
	require.NoError(t, r.check(), "GitHub is asked")
	r.hold(errors.New("refused again"))
	require.Error(t, r.check(), "what it says is held by nobody")
}

func TestARefusalIsHeldForLongerEachTimeInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r refusal
		held := func(err error) time.Duration {
			r.hold(err)
			r.hold(err) // was asked for at the same time
			began := time.Now()
			for r.check() != nil {
				time.Sleep(time.Second)
			}
			return time.Since(began)
		}
		forbidden, away := internal(errors.New("x")), errors.New("no answer")
		for n := range 100 {
			require.Equal(t, min(30*time.Second<<min(n, 10), 15*time.Minute), held(forbidden), n)
		}
		require.Equal(t, time.Minute, held(away), "it may be over by itself")
		r.clear()
		require.Equal(t, 30*time.Second, held(forbidden))
	})
}

func TestTheTextOfWhatIsHeldTellsItsWaitOnce(t *testing.T) {
	var r refusal
	r.hold(&tokenprovider.Error{Code: tokenprovider.CodeForbidden, RetryAfter: time.Second, Err: errors.New("no")})
	require.Equal(t, 1, strings.Count(r.check().Error(), "retry after"))
}

func TestWhatIsKnownOfInstallationsIsBoundedAndKeptForALife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f facts
		f.died(1)
		died := time.Now()
		for n := range int64(20_000) {
			f.hold(2+n, "", invalidRequest("no such installation"))
			if n < 59 {
				require.True(t, f.deadAt(1).Equal(died))
			}
			time.Sleep(time.Minute)
		}
		require.LessOrEqual(t, len(f.known), 1000)
		require.NotContains(t, f.known, int64(1))
	})
}

func TestWhatIsKnownOfADeadInstallationOutlivesASweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k known
		k.deadAt = time.Now().Round(0)
		time.Sleep(tokenLife)
		require.False(t, k.old(), "a token that was minted then may live")
		time.Sleep(time.Nanosecond)
		require.True(t, k.old())
	})
}

func TestATargetIsAskedForAfterTheClockWasSetBack(t *testing.T) {
	found := target{info: &InstallationInfo{}, foundAt: time.Now(), ttl: time.Hour}
	require.True(t, found.fresh())
	found.foundAt = time.Now().Add(time.Minute)
	require.False(t, found.fresh())
}

func TestARemovedRepositoryIsKnownByItsNumberToo(t *testing.T) {
	var e webhook
	require.NoError(t, json.Unmarshal([]byte(`{"repositories_removed":[{"id":5,"name":"a"}]}`), &e))
	require.True(t, e.removes(Scope{RepositoryIDs: []int64{4, 5}}))
	require.False(t, e.removes(Scope{RepositoryIDs: []int64{4}, Repositories: []string{"b"}}))
}
