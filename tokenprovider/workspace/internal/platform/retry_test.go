package platform_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

var (
	errRefused = &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	errReset   = &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	errNoName  = &net.DNSError{Err: "no such host", Name: "platform.example", IsNotFound: true}
)

// patient returns the environment of a workspace that has the patience of one
// that nobody configured.
func (b *bubble) patient(t *testing.T) map[string]string {
	env := b.Env(t, "ws-1")
	delete(env, "PROVISIONKIT_RETRY")
	return env
}

// status answers with that status as a proxy does.
func status(code int, headers ...string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		for n := 0; n+1 < len(headers); n += 2 {
			w.Header().Set(headers[n], headers[n+1])
		}
		http.Error(w, "", code)
		return true
	}
}

func TestAPlatformThatStartsLaterIsWaitedFor(t *testing.T) {
	for name, cause := range map[string]error{"refused": errRefused, "reset": errReset, "no name": errNoName} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				p, began := newBubble(t, workspacetest.Hourly()), time.Now()
				p.trip = func(int64, *http.Request) error {
					if time.Since(began) < 5*time.Second {
						return cause
					}
					return nil
				}
				p.call(t, p.patient(t), request, "get").Answered(t)
				require.Less(t, time.Since(began), 7*time.Second)
				require.Less(t, p.tries.Load(), int64(10), "it isn't hammered")
			})
		})
	}
}

func TestAnswersOfARollingRestartAreNoFailure(t *testing.T) {
	for _, code := range []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
		t.Run(http.StatusText(code), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				p, began := newBubble(t, workspacetest.Hourly()), time.Now()
				p.On(func(w http.ResponseWriter, r *http.Request) bool {
					return p.tries.Load() <= 2 && status(code)(w, r)
				})
				p.call(t, p.patient(t), request, "get").Answered(t)
				require.EqualValues(t, 3, p.tries.Load())
				require.Less(t, time.Since(began), time.Second)
			})
		})
	}
}

func TestAPlatformWhoseFirstAnswerTakesLongIsWaitedFor(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p, began := newBubble(t, workspacetest.Hourly()), time.Now()
		p.On(func(_ http.ResponseWriter, r *http.Request) bool {
			select {
			case <-time.After(12 * time.Second): // each of them: it doesn't matter to which it is started
			case <-r.Context().Done():
			}
			return false
		})
		p.call(t, p.patient(t), request, "get").Answered(t)
		require.Equal(t, 12*time.Second, time.Since(began))
	})
}

func TestAConnectionThatHangsHoldsUpNoOtherTry(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p, began := newBubble(t, workspacetest.Hourly()), time.Now()
		p.trip = func(try int64, r *http.Request) error {
			if try > 3 {
				return nil
			}
			<-r.Context().Done()
			return r.Context().Err()
		}
		p.call(t, p.patient(t), request, "get").Answered(t)
		require.Equal(t, 15*time.Second, time.Since(began))
	})
}

func TestPatienceEndsWhenItSays(t *testing.T) {
	hangs := func(_ int64, r *http.Request) error { <-r.Context().Done(); return r.Context().Err() }
	refuses := func(int64, *http.Request) error { return errRefused }
	for name, c := range map[string]struct {
		trip        func(int64, *http.Request) error
		retry, says string
		least, most time.Duration
		tries       int64
	}{
		"refused":           {refuses, "", "connection refused", 17 * time.Second, 20 * time.Second, 20},
		"hangs":             {hangs, "", "no answer in time", 20 * time.Second, 20 * time.Second, 5},
		"refused, 3 s":      {refuses, "3s", "connection refused", time.Second, 3 * time.Second, 10},
		"refused, once":     {refuses, "0", "connection refused", 0, 0, 1},
		"hangs, once":       {hangs, "0", "no answer in time", 10 * time.Second, 10 * time.Second, 1},
		"refused for a day": {refuses, "24h", "connection refused", 28 * time.Second, 30 * time.Second, 30},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				p, began := newBubble(t, workspacetest.Hourly()), time.Now()
				p.trip = c.trip
				env := p.patient(t)
				env["PROVISIONKIT_RETRY"] = c.retry
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // as the command has it
				defer cancel()
				_, _, err := p.open(t, env).Fresh(ctx)
				require.ErrorContains(t, err, c.says)
				require.GreaterOrEqual(t, time.Since(began), c.least)
				require.LessOrEqual(t, time.Since(began), c.most)
				require.LessOrEqual(t, p.tries.Load(), c.tries)
			})
		})
	}
}

func TestADefiniteAnswerIsToldAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		trip   error
		answer func(http.ResponseWriter, *http.Request) bool
		says   string
	}{
		"401":                            {answer: status(401), says: "401"},
		"403":                            {answer: status(403), says: "403"},
		"400":                            {answer: status(400), says: "400"},
		"a page of something in between": {answer: status(404), says: "404 Not Found (unavailable); that isn't the platform's token endpoint"},
		"a login":                        {answer: status(302, "Location", "https://login.example/"), says: "302"},
		"a forge that is down": {answer: func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusInternalServerError)
			_, err := w.Write([]byte(`{"error":"token refresh failed","code":"unavailable"}`))
			return err == nil
		}, says: "500 Internal Server Error (unavailable)"},
		"not configured": {answer: func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, err := w.Write([]byte(`{"error":"no token provider registered","code":"not_configured"}`))
			return err == nil
		}, says: "not_configured"},
		"slow down":                     {answer: status(429), says: "429"},
		"slow down for a minute":        {answer: status(429, "Retry-After", "60"), says: "429"},
		"away for a minute":             {answer: status(503, "Retry-After", "60"), says: "503"},
		"a certificate that isn't good": {trip: &tls.CertificateVerificationError{Err: errors.New("expired")}, says: "expired"},
		"no TLS":                        {trip: tls.RecordHeaderError{Msg: "no TLS"}, says: "no TLS"},
		"another scheme":                {trip: http.ErrSchemeMismatch, says: "HTTP response to HTTPS client"},
		"a proxy that forbids it": {trip: &wire.ProxyRefusal{Proxy: "proxy.example:3128", Status: 403},
			says: "the proxy proxy.example:3128 answers 403; whoever runs it has to let this workspace through"},
		"a proxy that wants a password": {trip: &wire.ProxyRefusal{Proxy: "proxy.example:3128", Status: 407},
			says: "answers 407; HTTPS_PROXY has to hold its user name and password"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				p, began := newBubble(t, workspacetest.Hourly()), time.Now()
				p.trip = func(int64, *http.Request) error { return c.trip }
				p.On(c.answer)
				require.Contains(t, p.call(t, p.patient(t), request, "get").Failed(t), c.says)
				require.Zero(t, time.Since(began))
			})
		})
	}
}

func TestARetryAfterThatFitsIsKeptTo(t *testing.T) {
	for name, code := range map[string]int{"away": 503, "slow down": 429} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				p, began := newBubble(t, workspacetest.Hourly()), time.Now()
				p.On(func(w http.ResponseWriter, r *http.Request) bool {
					return p.tries.Load() == 1 && status(code, "Retry-After", "7")(w, r)
				})
				p.call(t, p.patient(t), request, "get").Answered(t)
				require.GreaterOrEqual(t, time.Since(began), 7*time.Second)
				require.Less(t, time.Since(began), 7500*time.Millisecond)
			})
		})
	}
}

func TestAWaitForThePlatformEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p, began := newBubble(t, workspacetest.Hourly()), time.Now()
		p.On(status(503, "Retry-After", "10"))
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		time.AfterFunc(time.Second, cancel)
		_, _, err := p.open(t, p.patient(t)).Token(ctx)
		require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
		require.ErrorContains(t, err, "503", "that says more than that the time is over")
		require.Equal(t, time.Second, time.Since(began))
	})
}

func TestWorkspacesThatBeganTogetherDoNotComeAgainTogether(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"refused": nil, "told when to come again": status(503, "Retry-After", "3"),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				p, began := newBubble(t, workspacetest.Hourly()), time.Now()
				at := map[time.Duration]int{}
				var mu sync.Mutex
				p.On(func(w http.ResponseWriter, r *http.Request) bool {
					return time.Since(began) < 3*time.Second && answer(w, r)
				})
				p.trip = func(int64, *http.Request) error {
					mu.Lock()
					defer mu.Unlock()
					at[time.Since(began).Truncate(time.Millisecond)]++
					if answer == nil && time.Since(began) < 3*time.Second {
						return errRefused
					}
					return nil
				}
				env := p.patient(t)
				var all sync.WaitGroup
				for range 100 {
					all.Go(func() { p.call(t, env, request, "get").Answered(t) })
				}
				all.Wait()
				delete(at, 0)
				for when, tries := range at {
					require.Less(t, tries, 20, when)
				}
			})
		})
	}
}
