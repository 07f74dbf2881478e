package githubapp

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADeliveryIsTakenOnceWithinAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d deliveries
		require.True(t, d.take("a"))
		time.Sleep(59 * time.Minute)
		require.False(t, d.take("a"))
		require.True(t, d.take("b"))
		require.True(t, d.take(""))
		require.True(t, d.take(""), "without an id it can't be told from others")
		time.Sleep(time.Minute)
		require.True(t, d.take("a"))
		require.False(t, d.take("b"))
	})
}

func TestTheMemoryOfDeliveriesIsBounded(t *testing.T) {
	var d deliveries
	for n := range 3 * maxDeliveries {
		require.True(t, d.take(fmt.Sprint(n)))
	}
	require.Len(t, d.taken, maxDeliveries)
	require.Len(t, d.order, maxDeliveries)
	require.False(t, d.take(fmt.Sprint(3*maxDeliveries-1)))
}
