package statuspage

import (
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestTheBarOfADeadTokenIsEmptyAndHasNoUnknownMark(t *testing.T) {
	now := time.Now()
	b := newBar(tokenprovider.Status{MintedAt: now.Add(-time.Hour), ExpiresAt: now.Add(-30 * time.Second)}, now, "")
	require.Equal(t, bar{Left: "0 s", Life: "59 min"}, *b)
}

func TestAStatusOfLessThanNoTokensIsShownAsOfOne(t *testing.T) {
	p := newProviderView(mutatorReport{Status: &tokenprovider.Status{Of: -1}}, time.Now())
	require.Zero(t, p.Of)
}
