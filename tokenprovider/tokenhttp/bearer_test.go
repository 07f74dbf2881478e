package tokenhttp_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestABearerThatWasRotatedIsReadAgainAfterA401(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bearer")
	write := func(bearer string) { require.NoError(t, os.WriteFile(path, []byte(bearer+"\n"), 0o600)) }
	write("old-bearer")
	var requests atomic.Int64
	var onRequest func()
	server := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if onRequest != nil {
			onRequest()
		}
		if r.Header.Get("Authorization") != "Bearer new-bearer" {
			answering(401, "application/json", `{"error":"unauthenticated","code":"unauthenticated"}`)(w, r)
			return
		}
		answering(200, "application/json", `{"token":"`+tokenSecret+`"}`)(w, r)
	})
	c := &tokenhttp.Client{URL: server.URL + "/token", Bearer: tokenprovider.File(path)}
	requireCode(t, c, tokenprovider.CodeUnauthenticated)
	require.EqualValues(t, 1, requests.Load(), "the same bearer isn't tried twice")

	onRequest = func() { write("new-bearer") } // while the request is on its way
	_, _, err := c.Token(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 3, requests.Load())

	onRequest = func() { write(fmt.Sprint("bearer-", requests.Load())) } // it changes every time
	write("another")
	requireCode(t, c, tokenprovider.CodeUnauthenticated)
	require.EqualValues(t, 5, requests.Load(), "there is one more try and no third")

	onRequest = func() { require.NoError(t, os.Remove(path)) }
	e := requireCode(t, c, tokenprovider.CodeUnauthenticated)
	require.ErrorContains(t, e, "401", "the endpoint's answer is what is reported")
}

// rotating is a Bearer that has another one once the first is reported.
type rotating struct{ reported atomic.Value }

func (r *rotating) Token(context.Context) (string, time.Time, error) {
	if r.reported.Load() != nil {
		return "new-bearer", time.Time{}, nil
	}
	return "old-bearer", time.Time{}, nil
}

func (r *rotating) Invalidate(bearer string) bool {
	r.reported.Store(bearer)
	return true
}

func TestABearerThatTheEndpointRefusesIsReported(t *testing.T) {
	server := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer new-bearer" {
			answering(401, "application/json", `{"error":"unauthenticated","code":"unauthenticated"}`)(w, r)
			return
		}
		answering(200, "application/json", `{"token":"`+tokenSecret+`"}`)(w, r)
	})
	bearer := &rotating{}
	_, _, err := (&tokenhttp.Client{URL: server.URL + "/token", Bearer: bearer}).Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, "old-bearer", bearer.reported.Load())
}
