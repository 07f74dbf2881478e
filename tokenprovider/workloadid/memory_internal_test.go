package workloadid

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestAnAnswerIsRememberedForSomeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m memory
		good, bad := sha256.Sum256([]byte("good")), sha256.Sum256([]byte("bad"))
		m.add(good, nil, time.Now())
		m.add(bad, tokenhttp.ErrUnauthenticated, time.Now())
		time.Sleep(memoryAge)
		err, known := m.find(good)
		require.True(t, known)
		require.NoError(t, err)
		err, known = m.find(bad)
		require.True(t, known)
		require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated)
		time.Sleep(time.Millisecond)
		_, known = m.find(good)
		require.False(t, known)
	})
}

func TestTheMemoryOfAnswersIsBounded(t *testing.T) {
	var m memory
	for n := range 3 * maxRemember {
		m.add(sha256.Sum256(fmt.Append(nil, n)), nil, time.Now())
		require.LessOrEqual(t, len(m.answers), maxRemember)
	}
}
