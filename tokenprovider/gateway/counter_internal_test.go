package gateway

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNothingIsFlushedBehindALargeWrite(t *testing.T) {
	for size, flushed := range map[int]bool{bulk + 1: false, bulk: true, 1: true} {
		w := httptest.NewRecorder()
		c := &counter{ResponseWriter: w}
		_, err := c.Write(make([]byte, size))
		require.NoError(t, err)
		require.NoError(t, c.FlushError())
		require.Equal(t, flushed, w.Flushed, size)
	}
}
