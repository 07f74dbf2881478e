package githubapp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// inBubble runs f where hours pass in no time, with an app whose requests
// answer serves: there is no network there.
func inBubble(t *testing.T, serve roundTripper, f func(t *testing.T, app *githubapp.App), change ...func(*githubapp.Options)) {
	key := testutil.RSAKeyPEM(t, 0) // real time to make
	synctest.Test(t, func(t *testing.T) {
		opts := githubapp.Options{AppID: 7, PrivateKey: key, HTTPClient: &http.Client{Transport: serve}}
		for _, c := range change {
			c(&opts)
		}
		app, err := githubapp.New(opts)
		require.NoError(t, err)
		f(t, app)
	})
}

// minting mints ghs_1, ghs_2 and so on, for an hour each, and counts them; it
// lets anything be revoked.
func minting(mints *int) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodDelete {
			return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody}, nil
		}
		*mints++
		body := fmt.Sprintf(`{"token":"ghs_%d","expires_at":"%s"}`, *mints, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		return &http.Response{StatusCode: http.StatusCreated, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

// limitedBy answers the first request of the app with a secondary limit and so
// many seconds to wait, "" for none told; the others it serves.
func limitedBy(seconds string, requests *atomic.Int64) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		if requests.Add(1) > 1 {
			return canned(r)
		}
		header := http.Header{}
		if seconds != "" {
			header.Set("Retry-After", seconds)
		}
		return &http.Response{StatusCode: http.StatusForbidden, Header: header,
			Body: io.NopCloser(strings.NewReader(`{"message":"You have exceeded a secondary rate limit."}`))}, nil
	}
}

func TestARateLimitOfUpToTwoMinutesIsWaitedFor(t *testing.T) {
	for seconds, wait := range map[string]time.Duration{"": time.Minute, "17": 17 * time.Second, "120": 2 * time.Minute} {
		var requests atomic.Int64
		inBubble(t, limitedBy(seconds, &requests), func(t *testing.T, app *githubapp.App) {
			start := time.Now()
			var callers sync.WaitGroup
			for n := range 10 {
				callers.Go(func() {
					_, _, err := app.Installation(int64(1 + n)).Token(t.Context())
					require.NoError(t, err)
					require.GreaterOrEqual(t, time.Since(start), wait)
					require.Less(t, time.Since(start), wait+time.Second)
				})
				synctest.Wait()
			}
			time.Sleep(wait - time.Second)
			require.EqualValues(t, 1, requests.Load())
			require.Equal(t, 10, app.Usage().Waiting)
			callers.Wait()
			require.EqualValues(t, 11, requests.Load())
		})
	}
}

func TestWhoWaitsForARateLimitLeavesAtTheEndOfTheirContext(t *testing.T) {
	var requests atomic.Int64
	inBubble(t, limitedBy("60", &requests), func(t *testing.T, app *githubapp.App) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, _, err := app.Installation(1).Token(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, _, err = app.Installation(1).Token(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 2, requests.Load())
	})
}

func TestAnIdleInstallationIsDroppedAndOneThatIsHeldGoesOn(t *testing.T) {
	inBubble(t, canned, func(t *testing.T, app *githubapp.App) {
		mint := func(i *githubapp.Installation) string {
			token, _, err := i.Token(t.Context())
			require.NoError(t, err)
			return token
		}
		idle := func() weak.Pointer[githubapp.Installation] {
			i := app.Installation(1)
			mint(i)
			return weak.Make(i)
		}()
		held := app.Installation(2)
		mint(held)
		runtime.GC()
		require.NotNil(t, idle.Value(), "its token lives")

		time.Sleep(2 * time.Hour)
		mint(app.Installation(3))
		runtime.GC()
		runtime.GC()
		require.Nil(t, idle.Value())
		mint(held)
		require.Same(t, held, app.Installation(2))
		mint(app.Installation(1))
	})
}

func TestAnInstallationIsSignedForEightMinutesAtATime(t *testing.T) {
	jwts := map[string]bool{}
	seen := func(r *http.Request) (*http.Response, error) {
		jwts[r.Header.Get("Authorization")] = true
		return canned(r)
	}
	inBubble(t, seen, func(t *testing.T, app *githubapp.App) {
		for n := range 120 { // one each ten seconds, for twenty minutes
			// What a token is wanted for has no say in the life of a JWT.
			_, _, err := app.Installation(int64(1 + n)).Token(tokenprovider.WithMinTTL(t.Context(), 30*time.Minute))
			require.NoError(t, err)
			time.Sleep(10 * time.Second)
		}
		require.Len(t, jwts, 3, fmt.Sprint(len(jwts), " signatures"))
	})
}

func TestMintTimeoutBeginsWithTheRequestNotInTheQueue(t *testing.T) {
	slow := func(r *http.Request) (*http.Response, error) {
		time.Sleep(200 * time.Millisecond)
		return canned(r)
	}
	inBubble(t, slow, func(t *testing.T, app *githubapp.App) {
		var callers sync.WaitGroup
		start := time.Now()
		for n := range 6 {
			callers.Go(func() {
				_, _, err := app.Installation(int64(1 + n)).Token(t.Context())
				require.NoError(t, err)
			})
		}
		callers.Wait()
		require.Equal(t, 600*time.Millisecond, time.Since(start), "two at a time")
	}, func(o *githubapp.Options) { o.MaxConcurrentMints, o.Cache.MintTimeout = 2, 300*time.Millisecond })
}
