package tokenprovider_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestARefusedTokenIsReplacedAndTheRequestSentOnceMore(t *testing.T) {
	f := newForge(t, "token-2")
	tokens := numbered()
	client := f.client(tokens)
	resp, err := client.Post(f.URL, "text/plain", strings.NewReader("body"))
	requireStatus(t, http.StatusOK, resp, err)
	require.Equal(t, []string{"Bearer token-1 body", "Bearer token-2 body"}, f.seen())

	f.accept("nothing")
	resp, err = client.Get(f.URL)
	requireStatus(t, http.StatusUnauthorized, resp, err)
	require.Len(t, f.seen(), 4, "once more, not for ever")
}

func TestARefusalOfAnythingButTheTokenCostsNoToken(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusProxyAuthRequired, http.StatusTooManyRequests, http.StatusBadGateway} {
		requests := 0
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			requests++
			w.WriteHeader(status)
		}))
		tokens := numbered()
		client := &http.Client{Transport: &tokenprovider.Transport{Provider: tokens, Base: server.Client().Transport, Hosts: []string{server.Listener.Addr().String()}}}
		resp, err := client.Get(server.URL)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		server.Close()
		require.Equal(t, status, resp.StatusCode)
		require.Equal(t, 1, requests, "another token wouldn't be allowed more")
		require.Equal(t, tokenprovider.TokenSHA256("token-1"), tokens.Status().TokenSHA256)
		require.Equal(t, uint64(1), tokens.Status().Mints)
	}
}

func TestABodyThatCannotBeReplayedIsNotSentAgain(t *testing.T) {
	f := newForge(t, "token-2")
	client := f.client(numbered())
	resp, err := client.Post(f.URL, "text/plain", io.MultiReader(strings.NewReader("body")))
	requireStatus(t, http.StatusUnauthorized, resp, err)
	require.Len(t, f.seen(), 1)
	resp, err = client.Get(f.URL) // but the refused token is gone
	requireStatus(t, http.StatusOK, resp, err)
}

func TestATokenThatAnotherRequestInvalidatedIsReplacedToo(t *testing.T) {
	f := newForge(t, "new")
	var asked atomic.Int64
	p := tokenprovider.Func(func(context.Context) (string, time.Time, error) { // Invalidate is false: it can't
		if asked.Add(1) == 1 {
			return "old", time.Time{}, nil
		}
		return "new", time.Time{}, nil
	})
	resp, err := f.client(p).Get(f.URL)
	requireStatus(t, http.StatusOK, resp, err)
}

func TestWithoutAnotherTokenTheRefusalIsTheAnswer(t *testing.T) {
	f := newForge(t, "good")
	resp, err := f.client(tokenprovider.Static("bad")).Get(f.URL)
	requireStatus(t, http.StatusUnauthorized, resp, err)
	require.Len(t, f.seen(), 1)

	source := &issuer{life: time.Hour}
	tokens := tokenprovider.NewCache(source, &tokenprovider.CacheOptions{Settle: -1})
	requireToken(t, tokens, "token-1")
	source.breakWith(errors.New("down"))
	resp, err = f.client(tokens).Get(f.URL)
	requireStatus(t, http.StatusUnauthorized, resp, err)
}
