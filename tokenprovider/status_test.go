package tokenprovider_test

import (
	"testing"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestWorstRanksWhatIsNoStateLast(t *testing.T) {
	require.Empty(t, tokenprovider.Worst())
	inOrder := []tokenprovider.State{
		tokenprovider.StateEmpty, tokenprovider.StateFresh, tokenprovider.StateRefreshing,
		tokenprovider.StateDegraded, tokenprovider.StateFailing, "unheard of",
	}
	clear(tokenprovider.States()) // a copy
	require.Equal(t, inOrder[:5], tokenprovider.States())
	for n, worst := range inOrder {
		require.Equal(t, worst, tokenprovider.Worst(inOrder[:n+1]...))
		require.Equal(t, worst, tokenprovider.Worst(worst, inOrder[0], worst))
	}
}

func TestTokenSHA256IsTheFormOfAnAuditLog(t *testing.T) {
	require.Equal(t, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
		tokenprovider.TokenSHA256("abc"))
	require.Empty(t, tokenprovider.TokenSHA256(""))
}
