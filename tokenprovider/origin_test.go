package tokenprovider

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestATokenIsAsOldAsItsStoredValueSaysIfThatIsItsOwnAndPast(t *testing.T) {
	received := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	before, ahead := received.Add(-time.Minute), received.Add(30*time.Second)
	for name, c := range map[string]struct {
		stored *storedToken
		want   time.Time
	}{
		"nothing is known":         {nil, received},
		"its own":                  {&storedToken{Token: "token", MintedAt: before}, before},
		"of another token":         {&storedToken{Token: "another", MintedAt: before}, received},
		"by a clock that is ahead": {&storedToken{Token: "token", MintedAt: ahead}, received},
	} {
		ctx, origin := withOrigin(t.Context())
		if c.stored != nil {
			noteOrigin(ctx, c.stored)
		}
		require.Equal(t, c.want, origin.mintedAt("token", received), name)
	}
	noteOrigin(t.Context(), &storedToken{}) // nobody wants to know
}
