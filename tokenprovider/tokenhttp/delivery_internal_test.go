package tokenhttp

import (
	"testing"
	"time"
	"unsafe"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/stretchr/testify/require"
)

func TestALifeIsCountedFromTheEarliestStartThereCanBe(t *testing.T) {
	asked := time.Now()
	// came returns a second later, in which the wall clock went by wall.
	came := func(wall time.Duration) time.Time {
		c := asked.Add(wall)
		*(*int64)(unsafe.Add(unsafe.Pointer(&c), 8)) += int64(time.Second - wall)
		require.Equal(t, time.Second, c.Sub(asked))
		require.Equal(t, wall, c.Round(0).Sub(asked.Round(0)))
		return c
	}
	answer := func(date, came time.Time) delivery {
		said := tokenAnswer{Token: "t", ExpiresAt: wire.FormatTime(date.Add(time.Hour))}
		return delivery{tokenAnswer: said, asked: asked, came: came, date: date.Truncate(time.Second)}
	}

	setBack := came(-time.Hour) // to what is right
	expiresAt, err := answer(setBack, setBack).validate()
	require.NoError(t, err)
	require.WithinRange(t, expiresAt, setBack.Round(0).Add(time.Hour-4*time.Second), setBack.Round(0).Add(time.Hour))

	_, err = answer(asked.Add(24*time.Hour), came(2*time.Hour)).validate()
	require.Equal(t, errTooLate, err, "the machine slept")
}
