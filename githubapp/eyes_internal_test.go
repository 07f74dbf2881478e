package githubapp

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEyesRefusalsOfOneInstallationAreBounded(t *testing.T) {
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

func TestEyesARefusalIsHeldAfterTheClockWasSetBack(t *testing.T) {
	var r refusal
	r.hold(errors.New("refused"))
	r.until = r.until.Add(2 * time.Hour) // as after the clock was set back
	require.NoError(t, r.check(), "GitHub is asked")
	r.hold(errors.New("refused again"))
	require.Error(t, r.check(), "what it says is held by nobody")
}
