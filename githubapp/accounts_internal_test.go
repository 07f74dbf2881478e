package githubapp

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/queue"
	"github.com/stretchr/testify/require"
)

func TestNoMoreTargetsAreRememberedThanTheBound(t *testing.T) {
	a := accounts{
		lookups: queue.New[string](maxLookups, func() time.Duration { return 0 }),
		check:   func() error { return nil },
	}
	for n := range maxTargets + 10 {
		name := strconv.Itoa(n)
		info, err := a.find(t.Context(), name, name, func(context.Context) (*InstallationInfo, bool, error) {
			return &InstallationInfo{ID: int64(1 + n)}, false, nil
		})
		require.NoError(t, err)
		require.EqualValues(t, 1+n, info.ID)
		require.LessOrEqual(t, len(a.targets), maxTargets)
	}
}
