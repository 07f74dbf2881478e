package githubapp

import (
	"context"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNoMoreTargetsAreRememberedThanTheBound(t *testing.T) {
	var f finder
	for n := range maxFound + 10 {
		info, err := f.find(t.Context(), strconv.Itoa(n), func(context.Context) (*InstallationInfo, error) {
			return &InstallationInfo{ID: int64(1 + n)}, nil
		})
		require.NoError(t, err)
		require.EqualValues(t, 1+n, info.ID)
		require.LessOrEqual(t, len(f.found), maxFound)
	}
}
