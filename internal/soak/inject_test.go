package main

import (
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFaultsOfOneEndpointComeOneAfterTheOther(t *testing.T) {
	r := &replica{addr: "127.0.0.1:0", mux: http.NewServeMux()}
	listener, err := net.Listen("tcp", r.addr)
	require.NoError(t, err)
	r.addr = listener.Addr().String()
	require.NoError(t, listener.Close())
	require.NoError(t, r.start())
	defer r.stop()
	w := &world{history: &history{}, forge: &forge{}, replicas: []*replica{r}}
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			_, err := w.takePlace(t.Context(), fault{kind: endpoint, lasts: 50 * time.Millisecond})
			if err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
}
