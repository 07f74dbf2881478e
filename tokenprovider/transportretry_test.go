package tokenprovider_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
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
	require.Len(t, f.seen(), 3, "a second report isn't believed so soon")
}

func TestARefusalOfAnythingButTheTokenCostsNoToken(t *testing.T) {
	for _, status := range []int{
		http.StatusForbidden, http.StatusNotFound, http.StatusProxyAuthRequired,
		http.StatusTooManyRequests, http.StatusBadGateway,
	} {
		requests := 0
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			requests++
			w.WriteHeader(status)
		}))
		tokens := numbered()
		client := &http.Client{Transport: &tokenprovider.Transport{Provider: tokens,
			Base: server.Client().Transport, Hosts: []string{server.Listener.Addr().String()}}}
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
	tokens := numbered()
	client := f.client(tokens)
	resp, err := client.Post(f.URL, "text/plain", io.MultiReader(strings.NewReader("body")))
	requireStatus(t, http.StatusUnauthorized, resp, err)
	require.Len(t, f.seen(), 1)
	require.Equal(t, uint64(1), tokens.Status().Mints, "nobody needs another token yet")
	resp, err = client.Get(f.URL) // but the refused token is gone
	requireStatus(t, http.StatusOK, resp, err)
}

func TestATokenThatAnotherRequestInvalidatedIsReplacedToo(t *testing.T) {
	f := newForge(t, "new")
	var asked atomic.Int64
	// Invalidate is false: it can't.
	p := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
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

// endless returns a server that refuses token-1 with a body that never ends,
// until the connection does. It sends a piece of the body as often as every
// says, or no more of it.
func endless(t *testing.T, http2 bool, every time.Duration) (*httptest.Server, *atomic.Int64) {
	var refusing atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token-1" {
			fmt.Fprint(w, "answer")
			return
		}
		refusing.Add(1)
		defer refusing.Add(-1)
		w.WriteHeader(http.StatusUnauthorized)
		if every == 0 {
			fmt.Fprint(w, "refused")
			require.NoError(t, http.NewResponseController(w).Flush())
			<-r.Context().Done()
			return
		}
		for {
			_, err := w.Write(make([]byte, 4<<10))
			if err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-time.After(every):
			case <-r.Context().Done():
				return
			}
		}
	}))
	server.EnableHTTP2 = http2
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, &refusing
}

func TestARefusalWhoseBodyNeverEndsDelaysTheRequestByAMoment(t *testing.T) {
	for name, every := range map[string]time.Duration{
		"a body that stops coming": 0,
		"a body that trickles":     50 * time.Millisecond,
		"a body that floods":       1,
	} {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, HTTP/2 %t", name, http2), func(t *testing.T) {
				t.Parallel()
				server, refusing := endless(t, http2, every)
				client := &http.Client{Transport: &tokenprovider.Transport{
					Provider: numbered(), Base: server.Client().Transport,
					Hosts: []string{server.Listener.Addr().String()},
				}}
				began := time.Now()
				// its context has no end
				req, err := http.NewRequest(http.MethodGet, server.URL, nil)
				require.NoError(t, err)
				resp, err := client.Do(req)
				requireStatus(t, http.StatusOK, resp, err)
				require.Less(t, time.Since(began), 10*time.Second)
				require.Eventually(t, func() bool { return refusing.Load() == 0 }, 10*time.Second,
					time.Millisecond,
					"the server is rid of the refused request")
			})
		}
	}
}

func TestARefusalWithAShortBodyCostsNoConnection(t *testing.T) {
	f := newForge(t, "token-2")
	var opened atomic.Int64
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if !info.Reused {
			opened.Add(1)
		}
	}}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace),
		http.MethodGet, f.URL, nil)
	require.NoError(t, err)
	resp, err := f.client(numbered()).Do(req)
	requireStatus(t, http.StatusOK, resp, err)
	require.EqualValues(t, 1, opened.Load())
}

// long is a body that counts what is read of it.
type long struct{ read *atomic.Int64 }

func (l long) Read(p []byte) (int, error) { l.read.Add(int64(len(p))); return len(p), nil }
func (l long) Close() error               { return nil }

func TestOfALongRefusalNoMoreThanItsBoundIsRead(t *testing.T) {
	var read atomic.Int64
	transport := &tokenprovider.Transport{Provider: numbered(), Hosts: []string{"api.example"}}
	transport.Base = roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Authorization") == "Bearer token-1" {
			return &http.Response{StatusCode: http.StatusUnauthorized, Body: long{&read}}, nil
		}
		return nil, errors.New("sent again")
	})
	req, err := http.NewRequest(http.MethodGet, "https://api.example/x", nil)
	require.NoError(t, err)
	_, err = transport.RoundTrip(req)
	require.EqualError(t, err, "sent again")
	require.EqualValues(t, 64<<10, read.Load())
}

// hanging is a body whose Read doesn't even end when it is closed.
type hanging struct{ end chan struct{} }

func (h hanging) Read([]byte) (int, error) { <-h.end; return 0, io.EOF }
func (h hanging) Close() error             { return nil }

func TestABodyThatIgnoresThatItIsClosedIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		defer close(end)
		transport := &tokenprovider.Transport{Provider: numbered(), Hosts: []string{"api.example"}}
		transport.Base = roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Authorization") == "Bearer token-1" {
				return &http.Response{StatusCode: http.StatusUnauthorized, Body: hanging{end}}, nil
			}
			return nil, errors.New("sent again")
		})
		began := time.Now()
		req, err := http.NewRequest(http.MethodGet, "https://api.example/x", nil)
		require.NoError(t, err)
		_, err = transport.RoundTrip(req)
		require.EqualError(t, err, "sent again")
		require.Equal(t, 500*time.Millisecond, time.Since(began))
	})
}

// breaking is the body of an answer whose methods do something else than to
// answer.
type breaking struct {
	does   func()
	closed *atomic.Bool
}

func (b breaking) Read([]byte) (int, error) { b.does(); return 0, io.EOF }
func (b breaking) Close() error             { b.closed.Store(true); b.does(); return nil }

func TestABodyThatBreaksIsClosedAndTheRequestGoesOn(t *testing.T) {
	for name, does := range map[string]func(end chan struct{}){
		"panics": func(chan struct{}) { panic("a defect") }, "hangs": func(end chan struct{}) { <-end },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				end := make(chan struct{})
				defer close(end)
				sent, closed := 0, new(atomic.Bool)
				client := &tokenprovider.Transport{Provider: numbered(), Hosts: []string{"forge.example"},
					Base: roundTripper(func(*http.Request) (*http.Response, error) {
						if sent++; sent > 1 {
							return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
						}
						return &http.Response{StatusCode: http.StatusUnauthorized, Body: breaking{func() { does(end) }, closed}}, nil
					})}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://forge.example/", http.NoBody)
				require.NoError(t, err)
				began := time.Now()
				resp, err := client.RoundTrip(req)
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, resp.StatusCode)
				require.True(t, closed.Load())
				require.LessOrEqual(t, time.Since(began), 2*time.Second)
			})
		})
	}
}
